import { beforeAll, expect, test } from "vitest";
import type { Deployment } from "../app.js";
import { compileApp } from "../compileApp.js";
import { Backend, Isolates, type Observer } from "./backend.js";
import { Choices } from "./choices.js";
import { FunctionLog, type LogAnswer } from "./functionLog.js";
import { Loop } from "./loop.js";
import type { Program } from "./program.js";

const TAILED: Deployment = {
  guard: "sources",
  mode: "transaction",
  isLeased: false,
  isLimited: false,
  isEvicting: false,
  version: 1,
  isCompatible: false,
  transports: ["logTail"],
};
const URL = "https://simulation.convex.cloud/api/stream_function_logs?cursor=";
const KEY = "a key";
const NOW = Date.UTC(2026, 0, 1);
const LIVING = { path: "lazy:tail", lines: [], isDead: false };

let program: Program;
beforeAll(async () => {
  program = await compileApp();
});

function startLog(size = 1_000) {
  const loop = new Loop(new Choices({ deviations: [] }), NOW, 1);
  const answers: LogAnswer[] = [];
  const log = new FunctionLog(loop, KEY, size, { fate: () => 0, onAnswer: (answer) => answers.push(answer) });
  const write = (path: string) => log.write({ udfType: "Mutation", path, lines: [] });
  const read = async (cursor: number, key = KEY) => {
    const response = await log.answer(URL + cursor, { headers: { Authorization: `Convex ${key}` } }, LIVING);
    const { entries = [], newCursor } = (await response.json()) as { entries?: { identifier: string }[] } & Record<
      "newCursor",
      number
    >;
    return { status: response.status, newCursor, paths: entries.map(({ identifier }) => identifier) };
  };
  return { loop, log, answers, write, read };
}

test("a request gets the entries after its cursor, though many have the same time", async () => {
  const { write, read } = startLog();
  for (const path of ["a", "b", "c"]) write(path);
  const first = await read(NOW);
  expect(first).toMatchObject({ status: 200, paths: ["b", "c"] });
  write("d");
  expect(await read(first.newCursor)).toMatchObject({ paths: ["d"] });
});

test("a request waits for the next entry, and gets none after a minute", async () => {
  const { loop, write, read } = startLog();
  const [woken] = await Promise.all([
    read(NOW),
    loop.pass(5_000).then(() => {
      write("a");
      return loop.pass(0);
    }),
  ]);
  expect(woken.paths).toEqual(["a"]);
  let answered: unknown;
  void read(woken.newCursor).then((answer) => {
    answered = answer;
  });
  await loop.pass(59_999);
  expect(answered).toBeUndefined();
  await loop.pass(1);
  expect(answered).toEqual({ status: 200, newCursor: woken.newCursor, paths: [] });
});

test("the log forgets its oldest entries, and all at a restart", async () => {
  const { log, answers, write, read } = startLog(2);
  for (const path of ["a", "b", "c"]) write(path);
  expect((await read(NOW - 1)).paths).toEqual(["b", "c"]);
  expect(answers.at(-1)?.isIncomplete).toBe(true);
  log.restart();
  write("d");
  expect((await read(NOW - 1)).paths).toEqual(["d"]);
});

test("another key is refused, and so is the right key without the permission", async () => {
  const { log, write, read } = startLog();
  write("a");
  expect((await read(0, "another")).status).toBe(401);
  log.refusal = 403;
  expect((await read(0)).status).toBe(403);
});

test("an action waits for answers while time passes; a restart ends it, and what is scheduled stays", async () => {
  const loop = new Loop(new Choices({ seed: 1 }), NOW, 0);
  const ended: string[] = [];
  const died: unknown[] = [];
  const observer: Observer<Deployment> = {
    onCommit: () => {},
    onConflict: () => {},
    onEnd: (_, { path }) => log.write({ udfType: "Mutation", path, lines: [] }),
    onActionEnd: ({ path, lines, isDead }) => {
      expect(lines).toEqual([]);
      (isDead ? died : ended).push(path);
    },
  };
  const calm = { schedulerLag: () => 0, snapshotAge: () => 0, actionDeath: () => null, conflictRest: () => 0 };
  const backend = new Backend(
    new Isolates<Deployment>(program),
    TAILED,
    loop,
    new Choices({ seed: 1 }),
    calm,
    observer,
  );
  const log = new FunctionLog(loop, KEY, 1_000, { fate: () => 0, onAnswer: () => {} });
  backend.answerOutside = log.answer;
  const [origin] = URL.split("/api");
  backend.env = {
    LAZY_VIEWS_SECRET: "0123456789abcdef0123456789abcdef",
    LAZY_VIEWS_LOG_KEY: KEY,
    CONVEX_CLOUD_URL: origin,
  };
  const stateOfTail = () => {
    const jobs = [...backend.store.scan("_scheduled_functions", backend.store.latest)];
    return jobs
      .map(({ document }) => document)
      .filter(({ name }) => name === "lazy:tail")
      .at(-1)?.state;
  };
  const startTail = () => Promise.all([backend.action("lazy:tail", {}), loop.pass(0)]);

  await startTail();
  await loop.pass(4_000);
  expect(stateOfTail()).toEqual({ kind: "inProgress" });
  backend.restart();
  await loop.pass(20_000);
  expect(died).toEqual(["lazy:tail"]);
  expect(stateOfTail()).toEqual({ kind: "failed" });

  await startTail();
  await loop.pass(20_000);
  expect(stateOfTail()).toEqual({ kind: "success" });
  expect(loop.running).toBe(0);
});
