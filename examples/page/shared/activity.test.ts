import type { FunctionArgs } from "convex/server";
import { describe, expect, test } from "vitest";
import type { TraceEvent } from "../../backend/trace";
import type { internal } from "../../convex/_generated/api";
import { type Activity, followActivity, noActivity } from "./activity";

const scope = { folder: "search", views: ["movieSearch"] };

type Told<Type> = Partial<Extract<TraceEvent, { type: Type }>>;

/** Tells a trace of an example, every event at the time that it is given, in milliseconds. */
class Tracer {
  activity: Activity = noActivity;

  run(at: number, path: string, more: Told<"execution"> = {}) {
    return this.tell({
      type: "execution",
      at,
      path,
      udfType: "query",
      caller: "client",
      cached: false,
      requestId: "r",
      args: {},
      durationMs: 0,
      ...more,
    });
  }

  raise(at: number, path: string, effect: { f: string; a: unknown }, requestId = "r") {
    const message = `lazy-views effects ${JSON.stringify([effect])}`;
    const line = { udfType: "query", cached: false, level: "DEBUG", truncated: false } as const;
    return this.tell({ type: "console", at, path, requestId, message, ...line });
  }

  recompute(at: number, { view, args }: typeof ofView.a, more: Told<"execution"> = {}) {
    const job = { kind: "attempt", view, args } as const;
    const whole = { job } satisfies FunctionArgs<typeof internal.lazy.recompute>;
    return this.run(at, "lazy:recompute", { args: whole, caller: "scheduler", ...more });
  }

  /** Effects of `movieSearch`, which came by one of the ways out of a query. */
  dispatch(at: number, targets: string[], result: Record<string, number>, more: Told<"execution"> = {}) {
    const args = { effects: targets.map((target) => ({ target, args: ofView.a })) };
    return this.run(at, "lazy:dispatch", { udfType: "mutation", caller: "function", args, result, ...more });
  }

  lose(at: number, events: number) {
    return this.tell({ type: "loss", at, events });
  }

  /** The lines as one reads them, newest first. */
  read(): string[] {
    return this.activity.lines.map(({ subject, text, times }) => `${subject}: ${text} ×${times}`);
  }

  private tell(event: TraceEvent): this {
    this.activity = followActivity(this.activity, event, scope);
    return this;
  }
}

const ofView = {
  f: "lazy:recompute",
  a: { view: "movieSearch", args: { term: "heat" } as Record<string, string> },
};

test("an effect is told from the query to the recompute, in the order in which things began", () => {
  const trace = new Tracer()
    .raise(10, "search/films:find", ofView)
    .run(10, "search/films:find", { durationMs: 2 })
    .dispatch(
      260,
      ["lazy:recompute"],
      { dispatched: 1, duplicates: 2, refused: 0 },
      { parent: "lazy:tail", durationMs: 10 },
    )
    .recompute(270, ofView.a, { result: "committed" });
  expect(trace.read()).toEqual([
    "movieSearch: recomputed ×1",
    "dispatch: 1 scheduled now, 2 dropped as repeated ×1",
    "log tail: carried 1 effect, 240 ms after the read ×1",
    "search/films:find: ran, raised 1 effect ×1",
  ]);
  expect(trace.activity.lines[2]?.about).toBe("movieSearch heat");
});

test.each([
  ["POST /lazy-views/effects", "log stream"],
  ["lazy:tail", "log tail"],
  ["lazy:forward", "client"],
])("effects that come through %s were carried by the %s", (parent, carrier) => {
  const trace = new Tracer().dispatch(20, ["search/films:seen"], { dispatched: 1 }, { parent });
  expect(trace.read()).toEqual(["dispatch: 1 scheduled now ×1", `${carrier}: carried 1 effect ×1`]);
});

test("effects that an action dispatches itself were carried by nothing", () => {
  const trace = new Tracer().dispatch(20, ["search/films:seen"], { dispatched: 1 }, { parent: "search/films:mail" });
  expect(trace.read()).toEqual(["dispatch: 1 scheduled now ×1"]);
});

test("what the log stream lost is told", () => {
  expect(new Tracer().lose(20, 3).read()).toEqual(["log stream: lost 3 lines ×1"]);
});

describe("how long an effect waited", () => {
  const parent = "POST /lazy-views/effects";
  const seen = { f: "search/films:seen", a: ofView.a };

  test("is told of the first and the last of several", () => {
    const trace = new Tracer()
      .raise(10, "search/films:find", ofView)
      .raise(110, "search/films:open", seen)
      .dispatch(2_010, ["lazy:recompute", "search/films:seen"], { dispatched: 2 }, { parent });
    expect(trace.read()[1]).toBe("log stream: carried 2 effects, 1.90 s to 2.00 s after the reads ×1");
  });

  test("is counted from the first reader who raised it", () => {
    const trace = new Tracer()
      .raise(10, "search/films:find", ofView)
      .raise(60, "search/films:find", ofView, "another")
      .dispatch(110, ["lazy:recompute"], { dispatched: 1 }, { parent });
    expect(trace.read()[1]).toBe("log stream: carried 1 effect, 100 ms after the read ×1");
  });

  test("begins anew when its work was done meanwhile", () => {
    const trace = new Tracer()
      .raise(10, "search/films:find", ofView)
      .recompute(20, ofView.a, { result: "committed" })
      .raise(60, "search/films:find", ofView)
      .dispatch(110, ["lazy:recompute"], { dispatched: 1 }, { parent });
    expect(trace.read()[1]).toBe("log stream: carried 1 effect, 50 ms after the read ×1");
  });
});

test("a query whose effects the page's client forwards is told as the others", () => {
  const seal = `lazy-views effects ${JSON.stringify([{ t: 60_000 }, ofView])}`;
  const envelope = { value: [], seals: [seal], once: [], forward: "lazy:forward", lazyViews: [] };
  const trace = new Tracer()
    .run(10, "search/films:find", { args: { text: "heat", lazyViews: "client" }, result: envelope })
    .dispatch(110, ["lazy:recompute"], { dispatched: 1 }, { parent: "lazy:forward" });
  expect(trace.read()).toEqual([
    "dispatch: 1 scheduled now ×1",
    "client: carried 1 effect, 100 ms after the read ×1",
    "search/films:find: ran, raised 1 effect ×1",
  ]);
  expect(trace.activity.lines.at(-1)?.about).toBe("heat");
});

test("the same thing several times in a row is one line, with its last time", () => {
  const args = { text: "heat" };
  const trace = new Tracer()
    .run(1, "search/films:find", { args, cached: true })
    .run(5, "search/films:find", { args, cached: true })
    .run(6, "search/films:find", { args: { text: "heath" } });
  expect(trace.read()).toEqual(["search/films:find: ran ×1", "search/films:find: from the cache ×2"]);
  expect(trace.activity.lines.map(({ at, about }) => [at, about])).toEqual([
    [6, "heath"],
    [5, "heat"],
  ]);
});

test("effects are counted to the request that raised them", () => {
  const trace = new Tracer()
    .raise(1, "search/films:find", ofView, "first")
    .raise(1, "search/films:find", ofView, "first")
    .run(1, "search/films:find", { requestId: "first" })
    .run(2, "search/films:find", { requestId: "second" });
  expect(trace.read()).toEqual(["search/films:find: ran ×1", "search/films:find: ran, raised 2 effects ×1"]);
});

test("other examples are not told", () => {
  const other = { view: "airportStats", args: { airport: "SFO" } };
  const trace = new Tracer()
    .run(1, "searching/films:find")
    .raise(2, "rollups/dashboard:stats", { f: "lazy:recompute", a: other })
    .run(2, "rollups/dashboard:stats")
    .dispatch(3, ["quota/accounts:lock"], { dispatched: 1 }, { parent: "lazy:tail" })
    .recompute(5, other, { result: "committed" });
  expect(trace.read()).toEqual([]);
});

test("failures are told with their message, and marked", () => {
  const trace = new Tracer()
    .run(1, "search/films:change", { udfType: "mutation", error: "no such film" })
    .recompute(2, ofView.a, { result: "failed" });
  expect(trace.read()).toEqual([
    "movieSearch: could not be recomputed ×1",
    "search/films:change: failed: no such film ×1",
  ]);
  expect(trace.activity.lines.map(({ kind }) => kind)).toEqual(["failure", "failure"]);
});

test("a recompute's own sub-transaction is not told again", () => {
  const trace = new Tracer().recompute(1, ofView.a, { caller: "function" });
  expect(trace.read()).toEqual([]);
});

test("only the latest lines are kept", () => {
  const trace = new Tracer();
  for (let i = 1; i <= 100; i++) trace.run(i, `search/films:find${i}`);
  expect(trace.activity.lines).toHaveLength(60);
  expect(trace.read()[0]).toBe("search/films:find100: ran ×1");
});

test("an id is told by its table and number", () => {
  const args = { user: "ada", doc: "000000000000000000010027docs", code: "007" };
  const [line] = new Tracer().run(1, "search/films:open", { args }).activity.lines;
  expect(line?.about).toBe("ada, docs 10027, 007");
});

test("arguments are told in short", () => {
  const args = { text: "heat", limit: 10, films: Array(100).fill("Heat") };
  const [line] = new Tracer().run(1, "search/films:load", { args }).activity.lines;
  expect(line?.about).toMatch(/^heat, 10, \["Heat","Heat",.*…$/);
  expect(line?.about).toHaveLength(120);
});
