import { anyApi, internalMutationGeneric } from "convex/server";
import type { EffectOptions } from "convex-lazy-views";
import fc from "fast-check";
import { afterEach, describe, expect, test, vi } from "vitest";
import { seal, unseal } from "../../src/effects/seal.js";
import { endTestApp, type QueryCtx, startTestApp } from "../testApp.js";
import { tables } from "../totals.js";

afterEach(endTestApp);

const WINDOW_MS = 10_000;
const secret = "0123456789abcdef0123456789abcdef";

/** An app with a target that an effect can ask for. */
function start() {
  const record = internalMutationGeneric({ args: {}, handler: async () => null });
  const app = startTestApp({ tables, modules: { targets: { record } } });
  const begunAt = Date.now();
  const raise =
    (options: EffectOptions = {}) =>
    (ctx: Pick<QueryCtx, "scheduleEffect">) =>
      ctx.scheduleEffect(anyApi.targets?.record as never, {} as never, { trailing: true, ...options } as never);
  return {
    ...app,
    raise,
    /** The times at which the target has run, in ms after the app began. Fails if a run is still scheduled. */
    async runs() {
      const jobs = (await app.jobs()).filter(({ name }) => name === "targets:record");
      expect(jobs.filter(({ state }) => state.kind !== "success")).toEqual([]);
      return jobs.map(({ scheduledTime }) => scheduledTime - begunAt).sort((a, b) => a - b);
    },
    /** Raises the effect in a query, and delivers it. */
    async read(options?: EffectOptions) {
      const { messages } = await app.collect(raise(options));
      await app.deliver(messages);
    },
    /** Lets time pass until so many ms after the app has begun. */
    until: (ms: number) => app.advance(ms - (Date.now() - begunAt)),
  };
}

describe("an effect with trailing", () => {
  test("raised a hundred times inside its window runs at once, and once more at the window's end", async () => {
    const app = start();
    for (let i = 0; i < 100; i++) {
      await app.read();
      await app.advance(90);
    }
    await app.advance(60_000);
    expect(await app.runs()).toEqual([0, 10_000]);
  });

  test("raised once runs once", async () => {
    const app = start();
    await app.read();
    await app.advance(60_000);
    expect(await app.runs()).toEqual([0]);
  });

  test("begins a window with the run at the end of one", async () => {
    const app = start();
    for (const ms of [0, 4_000, 10_001, 19_999, 20_000, 31_000, 45_000]) {
      await app.until(ms);
      await app.read();
    }
    await app.advance(60_000);
    // 4,000 → 10,000. 10,001 and 19,999 → 20,000. 20,000 → 30,000. 31,000 → 40,000. 45,000 → 50,000.
    expect(await app.runs()).toEqual([0, 10_000, 20_000, 30_000, 40_000, 50_000]);
  });

  test("writes the ledger once a window, however often it is raised", async () => {
    const app = start();
    await app.read();
    await app.read();
    const entries = await app.rows("lazyEffects");
    for (let i = 0; i < 10; i++) await app.read();
    expect(await app.rows("lazyEffects")).toEqual(entries);
  });

  test("runs without it once a window: repetitions are dropped, also in a window that a run at the end began", async () => {
    const app = start();
    for (let i = 0; i < 10; i++) await app.read({ trailing: false });
    await app.until(5_000);
    await app.read();
    await app.until(15_000);
    await app.read({ trailing: false });
    await app.advance(60_000);
    expect(await app.runs()).toEqual([0, 10_000]);
  });

  test("raised with and without it by one function counts as with it", async () => {
    const app = start();
    await app.read();
    const { effects } = await app.collect((ctx) => {
      for (const trailing of [false, true, false]) app.raise({ trailing })(ctx);
    });
    expect(effects).toEqual([expect.objectContaining({ trailing: true })]);
  });

  test("works in mutations and actions", async () => {
    const app = start();
    await app.mutation((ctx) => app.raise()(ctx));
    await app.action((ctx) => app.raise()(ctx));
    await app.advance(60_000);
    expect(await app.runs()).toEqual([0, 10_000]);
  });

  test("goes by its key", async () => {
    const app = start();
    for (const key of ["a", "b", "a"]) await app.read({ key });
    await app.advance(60_000);
    expect(await app.runs()).toEqual([0, 0, 10_000]);
  });

  test("with an empty window runs each time", async () => {
    const app = start();
    for (let i = 0; i < 3; i++) await app.read({ window: { seconds: 0 } });
    await app.advance(0);
    expect(await app.runs()).toHaveLength(3);
  });

  test("that cannot be scheduled at the window's end is remembered, once a window, and stops no other", async () => {
    const app = start();
    const gone = { target: "gone:missing", args: {}, windowMs: WINDOW_MS, trailing: true };
    const good = { target: "targets:record", args: {}, windowMs: WINDOW_MS, trailing: true };
    expect(await app.dispatch([gone])).toMatchObject({ dispatched: 1 });
    refuseToSchedule("gone:missing");
    expect(await app.dispatch([gone, good])).toMatchObject({ refused: 1, dispatched: 1 });
    const failures = async () => (await app.inspect()).ledger.failures;
    const remembered = await failures();
    expect(remembered).toEqual([expect.objectContaining({ target: "gone:missing", attempts: 1 })]);
    expect(await app.dispatch([gone, gone])).toMatchObject({ duplicates: 2 });
    expect(await failures()).toEqual(remembered);
    vi.restoreAllMocks();
    await app.advance(WINDOW_MS);
    expect(await app.dispatch([gone])).toMatchObject({ dispatched: 1 });
    expect(await failures()).toEqual([]);
  });

  test("settles in the test kit, whether a query raises it each time or a mutation did", async () => {
    const app = start();
    await app.settle(app.raise());
    await app.mutation((ctx) => app.raise({ key: "mutation" })(ctx));
    await app.mutation((ctx) => app.raise({ key: "mutation" })(ctx));
    await app.settle(() => null);
    expect(await app.runs()).toHaveLength(4);
  });
});

test("whenever it is raised, a run follows, and runs of a key are a window apart", async () => {
  const pauses = fc.array(fc.nat(2.5 * WINDOW_MS), { minLength: 1, maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(pauses, async (pauses) => {
      const app = start();
      const raisedAt: number[] = [];
      let now = 0;
      for (const pause of pauses) {
        now += pause;
        await app.until(now);
        raisedAt.push(now);
        await app.read();
      }
      await app.advance(3 * WINDOW_MS);
      const runs = await app.runs();
      for (const at of raisedAt) {
        const next = runs.find((run) => run >= at);
        expect(next, `after ${at}: ${runs}`).toBeLessThanOrEqual(at + WINDOW_MS);
      }
      for (const [i, run] of runs.slice(1).entries()) {
        expect(run - (runs[i] ?? 0), `${runs}`).toBeGreaterThanOrEqual(WINDOW_MS);
      }
      endTestApp();
    }),
  );
});

describe("the option", () => {
  test.each([
    [{ trailing: "yes" }, 'trailing is the string "yes"; give true or false.'],
    [{ trailing: null }, "trailing is null; give true or false."],
    [{ trailling: true }, "trailling is the boolean true; the options are key, window, trailing."],
  ])("is checked: %o", async (options, message) => {
    const app = start();
    await expect(app.mutation((ctx) => app.raise(options as never)(ctx))).rejects.toThrow(
      `scheduleEffect(targets:record): ${message}`,
    );
  });

  test("is sealed, and absent where it is false", async () => {
    const effect = { target: "a:b", args: {}, windowMs: 1, trailing: true as const };
    const [line = ""] = await seal([effect], secret);
    expect(await unseal(line, [secret])).toEqual([expect.objectContaining(effect)]);
    const app = start();
    const { effects } = await app.collect(app.raise({ trailing: false }));
    expect(effects).toEqual([expect.not.objectContaining({ trailing: expect.anything() })]);
  });
});

/** Until the test ends, Convex does not know this function. */
function refuseToSchedule(target: string) {
  type Syscall = (op: string, args: string) => Promise<string>;
  const convex = (globalThis as unknown as { Convex: { asyncSyscall: Syscall } }).Convex;
  const original = Object.getOwnPropertyDescriptor(convex, "asyncSyscall")?.get as () => Syscall;
  const refusing: Syscall = async (op, args) => {
    if (op === "1.0/schedule" && args.includes(target)) throw new Error(`no exported function ${target} found`);
    return await original.call(convex)(op, args);
  };
  const spied = vi.spyOn(convex as { asyncSyscall: unknown }, "asyncSyscall" as never, "get");
  spied.mockReturnValue(refusing as never);
}
