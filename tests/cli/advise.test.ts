import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { ConvexHttpClient } from "convex/browser";
import { makeFunctionReference } from "convex/server";
import { expect, test } from "vitest";
import type { adviceJson } from "../../src/cli/advise/report";
import { eventually } from "../eventually";
import { appFolder, commandLine, startShop, variablesOf } from "./commandLine";
import { startCommand } from "./longRunning";
import { api } from "./shop";

type Advice = ReturnType<typeof adviceJson>;

const fixture = (name: string) => fileURLToPath(new URL(`./fixtures/${name}`, import.meta.url));
/** The log of the example app without views, on the embedded backend: see bench/advise/record.ts. */
const RECORDED = fixture("exampleWithoutViews.jsonl");

test("it predicts within a factor of three what views took in the example app", async () => {
  const { code, stdout } = await commandLine(
    await appFolder(),
    {},
    "advise",
    "--jsonl",
    RECORDED,
    "--window",
    "2s",
    "--json",
  );
  expect(code).toBe(0);
  const { queries, seconds, mutationsThatWrote }: Advice = JSON.parse(stdout);
  const { documentsWithoutViews, documentsWithViews } = JSON.parse(
    await readFile(fixture("exampleWithViews.json"), "utf8"),
  );
  const sum = (amount: (query: Advice["queries"][number]) => number) =>
    queries.reduce((all, query) => all + amount(query), 0);
  const days = seconds / 86_400;

  expect(queries.map(({ name }) => name)).toEqual(["examplePlain:airport", "examplePlain:usage"]);
  expect(mutationsThatWrote).toBe(120);
  expect(sum(({ documents }) => documents)).toBe(documentsWithoutViews);
  const predicted = sum(({ estimate }) => estimate?.withViewADay.documents ?? 0) * days;
  expect(predicted / documentsWithViews).toBeGreaterThan(1 / 3);
  expect(predicted / documentsWithViews).toBeLessThan(3);
  expect(queries[0]?.verdict).toBe("gain");
});

test("it prints its predictions and its assumptions", async () => {
  const { stdout } = await commandLine(await appFolder(), {}, "advise", "--jsonl", RECORDED, "--window", "2s");
  expect(stdout).toMatch(/^\d+ calls of the app's queries and mutations in 12 s, from /);
  expect(stdout).toContain("A view would gain\n  examplePlain:airport\n    With a view it would take ");
  expect(stdout).toMatch(/list prices of\s+22\s+August\s+2026/);
  expect(stdout).toContain("  - A view's window is 2 s (--window).");
});

test("it reads the live log of a deployment, without the library's functions, and prints no key", async () => {
  const backend = await startShop({ env: { LAZY_VIEWS_SECRET: "0123456789abcdef0123456789abcdef" } });
  const client = new ConvexHttpClient(backend.url, { logger: false });
  for (let amount = 1; amount <= 3; amount++) {
    await client.mutation(api.orders.add, { customer: "a", amount });
    await client.query(api.orders.total, { customer: "a" });
    await client.query(api.orders.total, { customer: "a" });
  }
  // The library's own functions: their writes do not count as the app's.
  const heartbeat = makeFunctionReference<"action">("lazy:heartbeat");
  await backend.run(async (ctx) => {
    await ctx.scheduler.runAfter(0, heartbeat, {});
  });
  await backend.idle();

  const variables = variablesOf(backend);
  const { code, stdout, stderr } = await commandLine(await appFolder(), variables, "advise", "--for", "1ms", "--json");
  expect(code).toBe(0);
  const advice: Advice = JSON.parse(stdout);
  expect(advice).toMatchObject({ mutationsThatWrote: 3, gaps: 0, windowMs: 10_000 });
  expect(advice.queries).toMatchObject([
    { name: "orders:total", runs: 3, cached: 3, verdict: "unclear", lack: "it ran 3 times, and 10 runs are needed" },
  ]);
  expect(stderr).toContain(backend.url);
  expect(stdout + stderr).not.toContain(backend.adminKey);

  const all = await commandLine(await appFolder(), variables, "advise", "--for", "1ms", "--json", "--module", "other");
  expect((JSON.parse(all.stdout) as Advice).mutationsThatWrote).toBeGreaterThan(3);
});

test("Ctrl-C shows the advice from the log so far", async () => {
  const backend = await startShop({ env: { LAZY_VIEWS_SECRET: "0123456789abcdef0123456789abcdef" } });
  const advising = startCommand(await appFolder(), variablesOf(backend), "advise", "--for", "1h");
  await eventually(() => expect(advising.stderr).toContain("for 1 h. Ctrl-C shows what has come by then."));
  expect(await advising.stop("SIGINT")).toBe(0);
  expect(advising.stdout).toBe(
    "The log has no calls of the app's queries or mutations, so there is nothing to advise on.\n",
  );
});

test("a file that is not a log is refused, and lines that are not entries are left out", async () => {
  const [line = ""] = (await readFile(RECORDED, "utf8")).split("\n");
  const folder = await appFolder({
    "no.jsonl": '{"a":1}\nWatching logs…\n',
    "some.jsonl": `Watching logs…\n${line}\n`,
  });
  const none = await commandLine(folder, {}, "advise", "--jsonl", "no.jsonl");
  expect(none).toMatchObject({ code: 1, stdout: "" });
  expect(none.stderr).toContain("No line of no.jsonl is an entry of the log");
  const missing = await commandLine(folder, {}, "advise", "--jsonl", "missing.jsonl");
  expect(missing.stderr).toContain("npx convex logs --history 1000 --jsonl > missing.jsonl");
  const some = await commandLine(folder, {}, "advise", "--jsonl", "some.jsonl");
  expect(some.stdout).toContain("1 call of the app's queries and mutations");
  expect(some.stderr).toContain("1 line of some.jsonl is not an entry of the log");
});
