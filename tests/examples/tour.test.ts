import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const repository = fileURLToPath(new URL("../..", import.meta.url));

test("the tour ends by itself, and its last line counts what the story tells", async () => {
  const tour = ["--import", "tsx", "examples/tour.ts"];
  const { stdout } = await promisify(execFile)(process.execPath, tour, { cwd: repository });
  const counted = JSON.parse(stdout.trimEnd().split("\n").at(-1) as string);
  // Five subscribers; one first read, one write, and twenty writes that are one story.
  expect(counted).toMatchObject({
    misses: 5,
    staleReads: 10,
    effectsRaised: 3,
    effectLinesDelivered: 15,
    dispatched: 3,
    duplicatesDropped: 12,
    recomputes: 3,
  });
  expect(counted.hits).toBeGreaterThanOrEqual(50);
  expect(counted.deliveries).toBeGreaterThanOrEqual(3);
  expect(counted.timeToFreshMs).toBeGreaterThan(0);
}, 60_000);
