import { createServer, type ServerResponse } from "node:http";
import { beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { functionLog, type LogPage, lineText, sealsIn, toLogEntry } from "./functionLog.js";

/** An answer to one poll: its status and body, or none at all. */
type Answer = { status?: number; body: unknown } | "drop";

/** A deployment that gives these answers, one a poll, and then is silent. */
async function deploymentThatAnswers(...answers: Answer[]) {
  const cursors: number[] = [];
  const answer = (response: ServerResponse, given: Answer | undefined) => {
    if (given === undefined) return;
    if (given === "drop") return response.destroy();
    const text = typeof given.body === "string" ? given.body : JSON.stringify(given.body);
    return response.writeHead(given.status ?? 200).end(text);
  };
  const server = createServer((request, response) => {
    cursors.push(Number(new URL(request.url ?? "", "http://localhost").searchParams.get("cursor")));
    answer(response, answers[cursors.length - 1]);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as { port: number };
  return { cursors, deployment: { url: `http://127.0.0.1:${port}`, key: "key", kind: "self-hosted" as const } };
}

/** A completed call: the n-th of its deployment. */
const call = (n: number) => ({
  kind: "Completion",
  udfType: "Query",
  identifier: "orders:total",
  executionId: `execution-${n}`,
  timestamp: n,
  logLines: [],
});

const page = (...numbers: number[]): Answer => ({
  body: { entries: numbers.map(call), newCursor: (numbers.at(-1) ?? 0) * 1_000 },
});

/** Reads as many pages, and stops. */
async function read(deployment: Parameters<typeof functionLog>[0], pages: number, onFailure = () => {}) {
  const stop = new AbortController();
  const found: LogPage[] = [];
  for await (const each of functionLog(deployment, { signal: stop.signal, onFailure })) {
    if (found.push(each) === pages) stop.abort();
  }
  return found.map(({ entries, gap }) => ({ entries: entries.map(({ timestamp }) => timestamp), gap }));
}

// Pauses between failures are drawn at random.
beforeEach(() => {
  vi.spyOn(Math, "random").mockReturnValue(1);
});

describe("the function log", () => {
  test("goes on at the cursor", async () => {
    const { deployment, cursors } = await deploymentThatAnswers(page(1, 2), page(3));
    expect(await read(deployment, 2)).toEqual([
      { entries: [1, 2], gap: null },
      { entries: [3], gap: null },
    ]);
    expect(cursors).toEqual([0, 2_000]);
  });

  test("tries again after failures, and asks for the last entry once more to see that the log is the same", async () => {
    const { deployment, cursors } = await deploymentThatAnswers(
      page(1, 2),
      "drop",
      { status: 503, body: "" },
      page(2, 3),
    );
    let failures = 0;
    expect(await read(deployment, 2, () => failures++)).toEqual([
      { entries: [1, 2], gap: null },
      { entries: [3], gap: null },
    ]);
    expect(failures).toBe(2);
    const [, , , last = 0] = cursors;
    expect(last).toBeLessThan(2_000);
    expect(last).toBeGreaterThan(1_999);
  });

  test("says that the deployment has restarted, whose log is a new one", async () => {
    const { deployment } = await deploymentThatAnswers(page(1, 2), "drop", page(5));
    expect(await read(deployment, 2)).toEqual([
      { entries: [1, 2], gap: null },
      { entries: [5], gap: "restart" },
    ]);
  });

  test("reads all of a new log, also when the deployment's clock is behind", async () => {
    const silent: Answer = { body: { entries: [], newCursor: 9_999 } };
    const { deployment, cursors } = await deploymentThatAnswers(page(10), "drop", silent, page(3));
    expect(await read(deployment, 3)).toEqual([
      { entries: [10], gap: null },
      { entries: [], gap: "restart" },
      { entries: [3], gap: null },
    ]);
    expect(cursors.at(-1)).toBe(0);
  });

  test("says that the log wrapped round", async () => {
    const many = Array.from({ length: 1_000 }, (_, i) => i + 1_000);
    const { deployment } = await deploymentThatAnswers(page(1), page(...many));
    expect(await read(deployment, 2)).toMatchObject([{ gap: null }, { gap: "overflow" }]);
  });

  test.each([
    [
      { status: 401, body: { code: "BadDeployKey", message: "Bad key" } },
      /^The key is wrong, .* 401 BadDeployKey: Bad key\.$/,
    ],
    [
      { status: 403, body: { code: "Forbidden", message: "No" } },
      /403 Forbidden: No. Use a key that has this permission/,
    ],
    [{ status: 404, body: "Not found" }, /404: it has no function log there/],
    [{ body: "<html>" }, /a form that this release does not know: <html>/],
    [{ body: { entries: [{ kind: "Completion", identifier: 1 }], newCursor: 1 } }, /Update convex-lazy-views/],
  ])("ends at once with the remedy when %j comes", async (answer, message) => {
    const { deployment, cursors } = await deploymentThatAnswers(answer);
    await expect(read(deployment, 1)).rejects.toThrow(message);
    expect(cursors).toHaveLength(1);
  });

  test("skips entries of a kind that it does not know", async () => {
    const body = { entries: [{ kind: "Snapshot" }, call(1)], newCursor: 1_000 };
    const { deployment } = await deploymentThatAnswers({ body });
    expect(await read(deployment, 1)).toEqual([{ entries: [1], gap: null }]);
  });
});

test("a line is the same as a string and in parts", () => {
  const seal = "lazy-views:2:abc-_9";
  const parts = { messages: [`'${seal}'`], level: "DEBUG", timestamp: 1, isTruncated: false };
  const entry = toLogEntry({
    ...call(1),
    logLines: [`[DEBUG] '${seal}'`, parts, "[LOG] 'lazy-views:2:abc d'", "[LOG] 7"],
  });
  expect(entry?.logLines.map(lineText)).toEqual([`'${seal}'`, `'${seal}'`, "'lazy-views:2:abc d'", "7"]);
  expect(entry && sealsIn(entry)).toEqual([seal, seal]);
});
