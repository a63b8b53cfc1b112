import { type FunctionReference, makeFunctionReference } from "convex/server";
import { convexToJson, type JSONValue, type Value } from "convex/values";
import { convexTest } from "convex-test";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { advance } from "../../src/test/time.js";
import { effectsIn } from "../nodeSeals.js";
import { type Deployment, deploy, schema } from "./app.js";
import { type Call, Calls } from "./calls.js";
import { compileApp } from "./compileApp.js";
import { Backend, Isolates, type Observer } from "./engine/backend.js";
import { Choices } from "./engine/choices.js";
import { Loop } from "./engine/loop.js";
import { deploymentsOf, historyOf } from "./history.js";
import { EFFECT_SECRET } from "./simulation.js";
import { testedModules } from "./testedModules.js";
import { hasAge } from "./truth.js";

/*
 * The simulation against convex-test: the same programs, run one function at a time and without faults, give the same
 * results, the same console lines and the same documents.
 */

const PROGRAMS = 80;
/** Added to waits, so that none ends at the very millisecond at which a job is due. */
const OFF_THE_MARK_MS = 333;
const START = Date.UTC(2026, 0, 1);
const TABLES = ["items", "groups", "lazyTags", "lazyEffects", "lazySweeps", "lazyRuns", "lazyPages", "lazyTurns"];
/** Fields whose values may differ: ids, and times, since jobs start a millisecond later under convex-test. */
const OWN_FIELDS = ["_id", "_creationTime", "trailingJob", "running", "run", "turn", "asOf", "seen"];
const isOwn = (name: string) => OWN_FIELDS.includes(name) || /(At|Until|job|ts)$/i.test(name);

/** Something that runs the app's functions. */
interface Runner {
  /** @returns The result, or the message of what was thrown. */
  call(call: Call): Promise<unknown>;
  pass(ms: number): Promise<void>;
  setEnvironment(name: string, value: string | undefined): void;
  documents(table: string): Promise<Record<string, unknown>[]>;
  /** The console lines since the last time. */
  takeLines(): string[];
}

beforeEach(() => {
  vi.useFakeTimers({ now: START });
  vi.stubEnv("LAZY_VIEWS_SECRET", EFFECT_SECRET);
  vi.spyOn(Math, "random").mockReturnValue(0);
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

test("gives what convex-test gives, for random programs run one function at a time", async () => {
  const isolates = new Isolates<Deployment>(await compileApp());
  for (let seed = 0; seed < PROGRAMS; seed++) {
    vi.clearAllTimers(); // Jobs of the previous program.
    vi.setSystemTime(START);
    const { steps, ...kind } = historyOf(seed);
    const { guard } = kind;
    if (hasAge(guard)) continue; // A millisecond decides whether a row has reached its age.
    const [deployment] = deploymentsOf({ ...kind, steps });
    const simulated = simulatedRunner(deployment, isolates);
    const tested = testedRunner(deployment);
    const calls = new Calls();
    let isBroken = false;
    for (const [i, step] of steps.entries()) {
      if (step.do === "break" || step.do === "mend") isBroken = step.do === "break";
      // The order of parallel work within a mutation is not defined.
      if (step.do === "add around a refresh") continue;
      const where = `program ${seed} (${guard}), step ${i}: ${JSON.stringify(step)}`;
      const act = async (runner: Runner, call: Call | null) => {
        if (step.do === "wait") await runner.pass(step.ms + OFF_THE_MARK_MS);
        runner.setEnvironment("BROKEN", isBroken ? "yes" : undefined);
        if (call === null) return [];
        const result = await runner.call(call);
        const lines = runner.takeLines();
        const effects = lines.flatMap((line) => effectsIn(line)) as unknown as JSONValue;
        const path = "lazy:dispatch";
        const counts = await runner.call({ kind: "mutation", path, args: { effects } });
        return [result, lines.map(readable), counts];
      };
      const call = calls.of(step);
      const expected = plain(await act(tested, call));
      expect(plain(await act(simulated, call)), where).toEqual(expected);
      for (const table of TABLES) {
        const documents = stored(table, await tested.documents(table));
        expect(stored(table, await simulated.documents(table)), `${where}, ${table}`).toEqual(documents);
      }
    }
    tested.setEnvironment("BROKEN", undefined);
  }
});

/** The documents of a table, without the sweeps of runs and turns, whose second a millisecond may decide. */
function stored(table: string, documents: readonly Record<string, unknown>[]): unknown {
  const isOfSecond = ({ table: of }: Record<string, unknown>) => of === "lazyRuns" || of === "lazyTurns";
  return plain(table === "lazySweeps" ? documents.filter((sweep) => !isOfSecond(sweep)) : documents);
}

/** A console line in which the effects stand in place of their seal. */
function readable(line: string): unknown {
  const effects = effectsIn(line);
  return effects.length === 0 ? line : effects;
}

/** Without the fields that may differ, and in a fixed order. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) {
    const items = value.map(plain);
    const isRows = value.some((item) => item?._id !== undefined);
    return isRows ? items.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)) : items;
  }
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  return Object.fromEntries(
    entries.map(([name, item]) => [name, isOwn(name) && item !== null ? "own" : plain(item)]).sort(),
  );
}

function simulatedRunner(deployment: Deployment, isolates: Isolates<Deployment>): Runner {
  const choices = new Choices({ deviations: [] });
  const loop = new Loop(choices, START, 1);
  const calm = {
    schedulerLag: () => 0,
    snapshotAge: () => 0,
    actionDeath: () => null,
    conflictRest: () => 0,
  };
  let lines: string[] = [];
  const observer: Observer<Deployment> = {
    onCommit: () => {},
    onConflict: (path) => expect.fail(`${path} is in conflict, though it runs alone.`),
    onEnd: (_, ended) => lines.push(...ended.lines.map(({ message }) => message)),
  };
  const backend = new Backend(isolates, deployment, loop, choices, calm, observer);
  backend.env = { LAZY_VIEWS_SECRET: EFFECT_SECRET };
  return {
    async call({ kind, path, args: values }) {
      const args = convexToJson(values as Value);
      const result =
        kind === "query"
          ? backend.query(path, args).then((ended) => {
              if ("error" in ended.result) throw ended.result.error;
              return ended.result.value;
            })
          : backend.mutation(path, args);
      const outcome = result.catch((error: Error) => error.message);
      await loop.pass(0);
      return await outcome;
    },
    pass: (ms) => loop.pass(ms),
    setEnvironment(name, value) {
      backend.env = { ...backend.env, [name]: value };
    },
    documents: async (table) => [...backend.store.scan(table, backend.store.latest)].map(({ document }) => document),
    takeLines() {
      const taken = lines;
      lines = [];
      return taken;
    },
  };
}

function testedRunner(deployment: Deployment): Runner {
  const t = convexTest({ schema, modules: testedModules(deploy(deployment).functions) });
  let lines: string[] = [];
  for (const method of ["debug", "error"] as const) {
    vi.spyOn(console, method).mockImplementation((line: string) => {
      lines.push(`'${line}'`);
    });
  }
  return {
    async call({ kind, path, args }) {
      const run = t[kind] as (reference: FunctionReference<"query" | "mutation">, args: unknown) => Promise<unknown>;
      const result = await run(makeFunctionReference(path), args).catch((error: Error) => error.message);
      await advance(t, vi, 0);
      return result;
    },
    pass: async (ms) => void (await advance(t, vi, ms)),
    setEnvironment: (name, value) => void vi.stubEnv(name, value),
    documents: async (table) =>
      (await t.run(async (ctx) => await ctx.db.query(table as never).collect())) as Record<string, unknown>[],
    takeLines() {
      const taken = lines;
      lines = [];
      return taken;
    },
  };
}
