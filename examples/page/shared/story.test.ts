import type { FunctionArgs } from "convex/server";
import { describe, expect, test } from "vitest";
import type { TraceEvent } from "../../backend/trace";
import type { internal } from "../../convex/_generated/api";
import type { RowNote } from "../../storyNotes";
import { telling as authz } from "../authz/telling";
import { telling as quota } from "../quota/telling";
import { telling as rollups } from "../rollups/telling";
import { telling as tracking } from "../tracking/telling";
import { field } from "./field";
import { type Episode, emptyStory, follow, hasReaders, isOver, type Story, stepKinds, unread } from "./story";
import { episodeTitle, keyOf, stepDetail, stepName, type Telling } from "./storyText";

type Told<Type> = Partial<Extract<TraceEvent, { type: Type }>>;
type Args = Record<string, string | number>;

/** Makes trace events, each one millisecond after the one before, and follows them. */
class Tracer {
  story: Story = emptyStory();
  private at = 1_000;

  constructor(readonly telling: Telling = rollups) {}

  /** A write of flights between two airports. The rows of both exist, and become stale. */
  write(origin: string, destination: string, count = 1, more: Told<"execution"> = {}) {
    const args = { origin, destination, delay: 180, count };
    const notes = [...new Set([origin, destination])].map(stale);
    return this.execution({ udfType: "mutation", path: "rollups/flights:add", args, notes, result: count, ...more });
  }

  /** A read of an airport's row, with the effect that it raises. */
  read(airport: string, state: "fresh" | "stale" | "missing" = "fresh", more: Told<"execution"> = {}) {
    if (state !== "fresh") this.raise(recompute(airport), { cached: more.cached ?? false }, state === "missing");
    const notes = state === "missing" ? [] : [stale(airport)];
    return this.execution({ args: { airport }, notes, result: { state }, ...more });
  }

  raise({ f, a }: Effect, more: Told<"console"> = {}, isMissing = false) {
    const effects = [{ f, a, w: 1, ...(f === "lazy:recompute" && { s: isMissing ? "0" : "5" }) }];
    return this.console({ message: `lazy-views effects ${JSON.stringify(effects)}`, ...more });
  }

  dispatch(effects: Effect[], result: Record<string, number> = { dispatched: effects.length }, parent = STREAM) {
    const args = { effects: effects.map(({ f, a }) => ({ target: f, args: a, windowMs: 10_000 })) };
    return this.execution({ path: "lazy:dispatch", udfType: "mutation", caller: "function", args, result, parent });
  }

  recompute(airport: string, more: Told<"execution"> = {}) {
    const job = {
      kind: "attempt",
      start: { windowEndsAt: 2_000, isTrailing: false },
      ...recompute(airport).a,
    } as const;
    const args = { job } satisfies FunctionArgs<typeof internal.lazy.recompute>;
    const run = { udfType: "mutation", caller: "scheduler", result: "committed", documentsRead: 41 } as const;
    return this.execution({ path: "lazy:recompute", args, ...run, ...more });
  }

  /** Reads the stale rows of these airports, and all that follows until they are fresh. */
  heal(...airports: string[]) {
    for (const airport of airports) this.read(airport, "stale");
    this.dispatch(airports.map(recompute));
    for (const airport of airports) this.recompute(airport).read(airport);
    return this;
  }

  execution(event: Told<"execution">) {
    return this.tell({
      type: "execution",
      at: this.at,
      udfType: "query",
      path: "rollups/dashboard:stats",
      caller: "client",
      cached: false,
      requestId: `r${this.at}`,
      args: {},
      durationMs: 0,
      ...event,
    });
  }

  /** A console line of the next execution. */
  console(event: Told<"console">) {
    const line = { udfType: "query", path: "", cached: false, level: "DEBUG", message: "", truncated: false } as const;
    this.story = follow(
      this.story,
      { type: "console", at: this.at, requestId: `r${this.at}`, ...line, ...event },
      this.telling,
    );
    return this;
  }

  /** The words of the newest episode. */
  words(): string[] {
    const [episode] = this.story.episodes;
    const name = (id: unknown) => this.story.names[String(id)] ?? "?";
    if (!episode) return [];
    const steps = episode.steps.map((step) => `${stepName(step.kind, step)}: ${stepDetail(step, this.telling, name)}`);
    return [episodeTitle(episode, this.telling, name), ...steps];
  }

  private tell(event: TraceEvent) {
    this.story = follow(this.story, event, this.telling);
    this.at += 1;
    return this;
  }
}

const STREAM = "POST /lazy-views/effects";

interface Effect {
  f: string;
  a: { view: string; args: Args } | Args;
}

function recompute(airport: string) {
  return { f: "lazy:recompute", a: { view: "airportStats", args: { airport } } };
}

function stale(airport: string) {
  return { view: "airportStats", args: { airport }, stale: true, written: true } satisfies RowNote;
}

const kinds = (episode: Episode | undefined) => episode?.steps.map(({ kind }) => kind);
const airports = (works: Episode["steps"][number]["of"] = []) =>
  works.map((work) => field(keyOf(work).args, "airport"));
const airportsOf = (episode: Episode | undefined, kind: string) =>
  airports(episode?.steps.find((step) => step.kind === kind)?.of);

describe("an episode", () => {
  test("goes from a write to fresh, in order", () => {
    const { story } = new Tracer().write("SFO", "LAX").heal("SFO", "LAX");
    const [episode] = story.episodes;
    expect(story.episodes).toHaveLength(1);
    expect(kinds(episode)).toEqual(stepKinds);
    for (const { of } of episode?.steps ?? []) expect(airports(of)).toEqual(["SFO", "LAX"]);
    const times = episode?.steps.map(({ at }) => at) ?? [];
    expect(times).toEqual([...times].sort((a, b) => a - b));
    expect(episode && isOver(episode)).toBe(true);
  });

  test("ends without the rows that no query reads", () => {
    const tracer = new Tracer().write("SFO", "LAX").heal("SFO");
    const [episode] = tracer.story.episodes;
    expect(episode && isOver(episode)).toBe(true);
    expect(episode && airports(unread(episode))).toEqual(["LAX"]);

    const [later] = tracer.heal("LAX").story.episodes;
    expect(later?.id).toBe(2);
    expect(kinds(later)?.[0]).toBe("read");
  });

  test("waits for a reader", () => {
    const written = new Tracer().write("SFO", "LAX");
    const hasReader = () => written.story.episodes.map(hasReaders);
    expect(hasReader()).toEqual([false]);
    written.read("SFO", "stale");
    expect(hasReader()).toEqual([true]);
  });

  test("stays open until every row that is read is computed", () => {
    const tracer = new Tracer().write("SFO", "LAX").read("LAX", "stale").heal("SFO");
    const over = () => tracer.story.episodes.map(isOver);
    expect(over()).toEqual([false]);
    tracer.dispatch([recompute("LAX")]).recompute("LAX");
    expect(over()).toEqual([true]);
  });

  test("begins with a read when there was no value; rows read together share it", () => {
    const tracer = new Tracer().read("SFO", "missing").read("LAX", "missing");
    tracer.dispatch([recompute("SFO"), recompute("LAX")]).read("JFK", "missing");
    expect(tracer.story.episodes.map((episode) => airportsOf(episode, "read"))).toEqual([["JFK"], ["SFO", "LAX"]]);
  });

  test("becomes fresh only for a reader that found the row stale, and only after the recompute", () => {
    const tracer = new Tracer().write("SFO", "SFO").read("SFO", "stale").read("SFO", "fresh", { caller: "http" });
    const last = () => kinds(tracer.story.episodes[0])?.at(-1);
    expect(last()).toBe("read");
    tracer
      .read("SFO", "stale")
      .dispatch([recompute("SFO")])
      .recompute("SFO");
    expect(last()).toBe("run");
    tracer.read("SFO");
    expect(last()).toBe("fresh");
  });
});

describe("a second write", () => {
  test("joins the episode that its rows wait in", () => {
    const tracer = new Tracer().write("SFO", "LAX").write("SFO", "LAX").heal("SFO");
    expect(tracer.story.episodes).toHaveLength(1);
    expect(tracer.words()[0]).toBe("1 delayed flight, SFO to LAX, 2 times");
  });

  test("starts an episode for the rows that did not wait", () => {
    const { story } = new Tracer().write("SFO", "LAX").write("SFO", "JFK");
    expect(story.episodes.map((episode) => airportsOf(episode, "write"))).toEqual([["JFK"], ["SFO", "LAX"]]);
  });

  test("starts an episode when the recompute came before it", () => {
    const tracer = new Tracer().write("SFO", "SFO").read("SFO", "stale").recompute("SFO");
    tracer.write("SFO", "SFO");
    expect(tracer.story.episodes).toHaveLength(2);
  });

  test("is left out if it failed, or if it belongs to another example", () => {
    const tracer = new Tracer().write("SFO", "LAX", 1, { error: "no such airport" });
    tracer.write("SFO", "LAX", 1, { path: "rolled/flights:add" });
    expect(tracer.story.episodes).toEqual([]);
  });
});

describe("totals", () => {
  test("count reads by what they found", () => {
    const { totals } = new Tracer()
      .read("SFO", "missing")
      .read("SFO", "stale")
      .read("SFO")
      .read("SFO", "fresh", { cached: true }).story;
    expect(totals).toMatchObject({ hits: 2, staleReads: 1, misses: 1 });
  });

  test("count an effect once, however many subscribers its line is replayed for", () => {
    const { totals } = new Tracer().read("SFO", "stale").read("SFO", "stale", { cached: true }).story;
    expect(totals.effects).toBe(1);
  });

  test("leave out other examples, failed dispatches, and recomputes that committed nothing", () => {
    const other = { f: "lazy:recompute", a: { view: "grants", args: { user: "user:anne" } } };
    const { totals } = new Tracer()
      .raise(other)
      .dispatch([other, recompute("SFO")], { dispatched: 2 })
      .dispatch([other])
      .recompute("SFO", { result: "clean" })
      .recompute("SFO", { caller: "function" })
      .recompute("SFO").story;
    expect(totals).toMatchObject({ effects: 0, deliveries: 1, dispatched: 1, recomputes: 1 });
  });
});

test("the words name the cause, and each step", () => {
  const tracer = new Tracer().write("SFO", "LAX", 20).heal("SFO");
  expect(tracer.words()).toEqual([
    "20 delayed flights, SFO to LAX",
    "Write: it marked the rows of SFO and LAX as stale",
    "Read: a query found the row of SFO stale and served the old value; it raised an effect",
    "Delivery: the log stream carried the effect out of the query",
    "Scheduling: the deployment scheduled the recompute",
    "Recompute: 41 documents read",
    "Fresh: the new value was pushed to the readers",
  ]);
});

test.each([
  ["lazy:tail", "the log tail"],
  ["lazy:forward", "the client"],
])("what came through %s was carried by %s", (parent, carrier) => {
  const tracer = new Tracer().read("SFO", "stale").dispatch([recompute("SFO")], { trailing: 1 }, parent);
  expect(tracer.words().slice(-2)).toEqual([
    `Delivery: ${carrier} carried the effect out of the query`,
    "Scheduling: the deployment scheduled the recompute for the end of the window",
  ]);
});

test("another effect than a recompute has all its steps; sent again from the cache, it is dropped", () => {
  const viewed = { f: "tracking/views:viewed", a: { user: "ada", doc: "7docs" } };
  const tracer = new Tracer(tracking);
  const open = { path: "tracking/docs:open", args: viewed.a };
  tracer.execution({ path: "tracking/docs:list", result: [{ doc: "7docs", title: "On counting" }] });
  tracer.raise(viewed).execution(open).dispatch([viewed]);
  tracer.execution({ path: viewed.f, udfType: "mutation", caller: "scheduler", args: viewed.a });
  expect(tracer.words()).toEqual([
    "Ada opened “On counting”",
    "Read: the query raised an effect to count the view",
    "Delivery: the log stream carried the effect out of the query",
    "Scheduling: the deployment scheduled the mutation",
    "Run: the view was counted",
  ]);

  tracer
    .raise(viewed, { cached: true })
    .execution({ ...open, cached: true })
    .dispatch([viewed], { duplicates: 1 });
  expect(tracer.words().slice(1)).toEqual([
    "Read: the cache answered, and sent the query's effect to count the view again",
    "Delivery: the log stream carried the effect out of the query",
    "Dropped: the mutation had been scheduled within the window already",
  ]);
  expect(tracer.story.episodes.map(isOver)).toEqual([true, true]);
});

test("in a dispatch with several outcomes, the effects inside their windows are the dropped ones", () => {
  const lock = (account: string) => ({ f: "quota/accounts:lock", a: { account, period: 1 } });
  const tracer = new Tracer(quota).dispatch([lock("1")]);
  for (const account of ["2", "1"]) {
    tracer.raise(lock(account)).execution({ path: "quota/accounts:usage", args: { account } });
  }
  const [episode] = tracer.dispatch([lock("2"), lock("1")], { dispatched: 1, duplicates: 1 }).story.episodes;
  expect(episode?.dropped).toEqual([expect.stringContaining('"account":"1"')]);
  expect(tracer.words().at(-1)).toBe(
    "Scheduling: the deployment scheduled the mutation and the mutation had been scheduled within the window already",
  );
});

test("a write to a tag names the tag, and the reads name its rows", () => {
  const key = { user: "user:charles", relation: "can_read", object: "doc:plan" };
  const tracer = new Tracer(authz).execution({
    path: "authz/tuples:write",
    udfType: "mutation",
    args: { deletes: [{ ...key, relation: "viewer" }] },
    notes: [{ tag: "authz user:charles" }],
  });
  tracer.raise({ f: "lazy:recompute", a: { view: "grants", args: key } });
  tracer.execution({ path: "authz/permissions:check", args: key });
  expect(tracer.words()).toEqual([
    "“Charles may view plan” is no longer true",
    "Write: it made all grants of Charles stale, by one write to a tag",
    "Read: a query found the grant “Charles may read plan” stale and checked the tuples instead, because a grant from " +
      "before a change is never used; it raised an effect",
  ]);
});

test("a read through the page's client looks like the others, without mark and envelope", () => {
  const seals = [`lazy-views effects ${JSON.stringify([{ t: 60_000 }, { ...recompute("SFO"), s: "5" }])}`];
  const envelope = { value: { state: "stale" }, seals, once: [], forward: "lazy:forward", lazyViews: [] };
  const tracer = new Tracer().execution({ args: { airport: "SFO", lazyViews: "client" }, result: envelope });
  expect(tracer.story.totals).toMatchObject({ staleReads: 1, effects: 1 });
  expect(airportsOf(tracer.story.episodes[0], "read")).toEqual(["SFO"]);
});

test("console lines that are not effects change nothing", () => {
  const { story } = new Tracer()
    .console({ message: "'hello'" })
    .console({ message: "'lazy-views effects [1]'" })
    .console({ message: "'lazy-views:2:a seal of another app'" })
    .raise(recompute("SFO"), { level: "LOG" })
    .execution({});
  expect(story.episodes).toEqual([]);
});
