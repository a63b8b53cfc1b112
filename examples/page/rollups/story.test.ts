import type { FunctionArgs } from "convex/server";
import { describe, expect, test } from "vitest";
import type { TraceEvent } from "../../backend/trace";
import type { internal } from "../../convex/_generated/api";
import { type Episode, emptyStory, follow, hasReaders, type Story, stepKinds, unread } from "./story";
import { episodeTitle, stepDetail, stepName } from "./storyText";

type Told<Type> = Partial<Extract<TraceEvent, { type: Type }>>;

type RecomputeArgs = FunctionArgs<typeof internal.lazy.recompute>;

/** What a recompute is called with. */
function recomputeArgs(view: string, args: Record<string, string>, isTrailing = false) {
  const start = { windowEndsAt: 2_000, isTrailing };
  return { job: { kind: "attempt", view, args, start } } satisfies RecomputeArgs;
}

/** A trace that writes itself: every event is one millisecond after the one before. */
class Tracer {
  story: Story = emptyStory();
  private at = 1_000;

  write(origin: string, destination: string, count = 1, failure: Told<"execution"> = {}) {
    return this.execution({
      udfType: "mutation",
      path: "rollups/flights:add",
      args: { origin, destination, delay: 180, count },
      result: count,
      ...failure,
    });
  }

  read(airport: string, state: string, cached = false) {
    return this.execution({ args: { airport }, cached, result: { state } });
  }

  raise(airport: string, more: Told<"console"> = {}) {
    const effects = [{ f: "lazy:recompute", a: { view: "airportStats", args: { airport } }, w: 1 }];
    return this.console({ message: `lazy-views effects ${JSON.stringify(effects)}`, ...more });
  }

  dispatch(
    airports: string[],
    result: Record<string, number> = { dispatched: airports.length },
    more: Told<"execution"> = { parent: "POST /lazy-views/effects" },
  ) {
    const effects = airports.map((airport) => ({
      target: "lazy:recompute",
      args: { view: "airportStats", args: { airport } },
    }));
    return this.execution({ path: "lazy:dispatch", caller: "function", args: { effects }, result, ...more });
  }

  recompute(airport: string, result = "committed", caller: "scheduler" | "function" = "scheduler") {
    const args = recomputeArgs("airportStats", { airport });
    return this.execution({ path: "lazy:recompute", udfType: "mutation", caller, args, result });
  }

  /** All that follows when stale rows of these airports are read. */
  heal(...airports: string[]) {
    for (const airport of airports) this.read(airport, "stale").raise(airport);
    this.dispatch(airports);
    for (const airport of airports) this.recompute(airport).read(airport, "fresh");
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
      requestId: "r",
      args: {},
      durationMs: 1,
      ...event,
    });
  }

  console(event: Told<"console">) {
    return this.tell({
      type: "console",
      at: this.at,
      path: "rollups/dashboard:stats",
      udfType: "query",
      requestId: "r",
      cached: false,
      level: "DEBUG",
      message: "",
      truncated: false,
      ...event,
    });
  }

  private tell(event: TraceEvent) {
    this.story = follow(this.story, event);
    this.at += 1;
    return this;
  }
}

const kinds = (episode: Episode | undefined) => episode?.steps.map(({ kind }) => kind);
const airportsOf = (episode: Episode | undefined, kind: string) =>
  episode?.steps.find((step) => step.kind === kind)?.airports;

describe("an episode", () => {
  test("goes from a write to fresh, in order, and names its end", () => {
    const { story } = new Tracer().write("SFO", "LAX").heal("SFO", "LAX");
    const [episode] = story.episodes;
    expect(story.episodes).toHaveLength(1);
    expect(kinds(episode)).toEqual(stepKinds);
    for (const { airports } of episode?.steps ?? []) expect(airports).toEqual(["SFO", "LAX"]);
    const times = episode?.steps.map(({ at }) => at) ?? [];
    expect(times).toEqual([...times].sort((a, b) => a - b));
    expect(episode?.endedAt).toBe(1_009);
  });

  test("ends without the rows that nobody reads", () => {
    const tracer = new Tracer().write("SFO", "LAX").heal("SFO");
    const [episode] = tracer.story.episodes;
    expect(episode?.endedAt).toBeDefined();
    expect(episode && unread(episode)).toEqual(["LAX"]);

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

  test("tells each step when the last of its rows has made it", () => {
    const tracer = new Tracer().write("SFO", "LAX").read("LAX", "stale").heal("SFO");
    tracer.raise("LAX").dispatch(["LAX"]);
    tracer.execution({
      path: "lazy:recompute",
      caller: "scheduler",
      args: recomputeArgs("airportStats", { airport: "LAX" }, true),
      result: "committed",
    });
    const [episode] = tracer.read("LAX", "fresh").story.episodes;
    const times = episode?.steps.map(({ at }) => at) ?? [];
    expect(times).toEqual([...times].sort((a, b) => a - b));
    expect(times.at(-1)).toBe(episode?.endedAt);
    expect(episode?.steps.at(-2)).toMatchObject({ airports: ["SFO", "LAX"], postponed: true });
  });

  test("stays open until every row that is read is fresh", () => {
    const tracer = new Tracer().write("SFO", "LAX").read("LAX", "stale").heal("SFO");
    expect(tracer.story.episodes[0]?.endedAt).toBeUndefined();
    tracer.raise("LAX").dispatch(["LAX"]).recompute("LAX").read("LAX", "fresh");
    expect(tracer.story.episodes[0]?.endedAt).toBeDefined();
  });

  test("begins with a read when there was no value; rows read together share it", () => {
    const tracer = new Tracer();
    for (const airport of ["SFO", "LAX"]) tracer.read(airport, "missing").raise(airport);
    tracer.dispatch(["SFO", "LAX"]);
    tracer.read("JFK", "missing");
    expect(tracer.story.episodes.map((episode) => airportsOf(episode, "read"))).toEqual([["JFK"], ["SFO", "LAX"]]);
  });

  test("has no effect when a lease had the row recomputed", () => {
    const { story } = new Tracer().write("SFO", "LAX").read("SFO", "stale").recompute("SFO").read("SFO", "fresh");
    expect(kinds(story.episodes[0])).toEqual(["write", "read", "recompute", "fresh"]);
  });
});

describe("a second write", () => {
  test("joins the episode that its rows wait in", () => {
    const { story } = new Tracer().write("SFO", "LAX").write("LAX", "SFO", 20).heal("SFO");
    expect(story.episodes).toHaveLength(1);
    expect(story.episodes[0]?.steps[0]).toMatchObject({ mutations: 2, flights: 21 });
  });

  test("starts an episode for the rows that did not wait", () => {
    const { story } = new Tracer().write("SFO", "LAX").write("SFO", "JFK");
    expect(story.episodes.map((episode) => airportsOf(episode, "write"))).toEqual([["JFK"], ["SFO", "LAX"]]);
  });

  test("adds nothing to an episode that began with a read: there was no value to mark", () => {
    const { story } = new Tracer().read("SFO", "missing").write("SFO", "SFO").raise("SFO");
    expect(story.episodes.map(kinds)).toEqual([["read", "effect"]]);
  });

  test("starts an episode when the recompute came before it", () => {
    const tracer = new Tracer().write("SFO", "SFO").read("SFO", "stale").recompute("SFO");
    tracer.write("SFO", "SFO");
    expect(tracer.story.episodes).toHaveLength(2);
  });

  test("that failed is not told", () => {
    const failed = new Tracer().write("SFO", "LAX", 1, { error: "no such airport" });
    expect(failed.story).toEqual(emptyStory());
  });
});

describe("totals", () => {
  test("count reads by what they found", () => {
    const { totals } = new Tracer()
      .read("SFO", "missing")
      .read("SFO", "expired")
      .read("SFO", "stale")
      .read("SFO", "fresh")
      .read("SFO", "fresh", true).story;
    expect(totals).toMatchObject({ hits: 2, staleReads: 1, misses: 2 });
  });

  test("count an effect once, however many subscribers its line is replayed for", () => {
    const { totals } = new Tracer().raise("SFO").raise("SFO", { cached: true }).story;
    expect(totals.effects).toBe(1);
  });

  test("count what dispatch made of the effects", () => {
    const counts = { dispatched: 1, trailing: 2, duplicates: 3, superseded: 4, refused: 5 };
    expect(new Tracer().dispatch([], counts).story.totals).toMatchObject({
      dispatched: 3,
      duplicates: 7,
    });
  });

  test("leave out dispatches that failed or that nothing carried, and recomputes that committed nothing", () => {
    const { totals } = new Tracer()
      .dispatch(["SFO"], {}, { parent: "lazy:tail", error: "too late" })
      .dispatch(["SFO"], {}, {})
      .dispatch(["SFO"], {}, { parent: "lazy:tail" })
      .recompute("SFO", "clean")
      .recompute("SFO", "committed", "function")
      .recompute("SFO").story;
    expect(totals).toMatchObject({ deliveries: 1, recomputes: 1 });
  });
});

test.each([
  ["lazy:tail", "by the log tail"],
  ["lazy:forward", "by the client"],
])("what came through %s was delivered %s", (parent, words) => {
  const tracer = new Tracer().write("SFO", "LAX").read("SFO", "stale").raise("SFO");
  const [episode] = tracer.dispatch(["SFO"], { dispatched: 1 }, { parent }).story.episodes;
  const delivery = episode?.steps.find(({ kind }) => kind === "delivery");
  expect(delivery && stepDetail(delivery)).toBe(words);
});

test("a read through the page's client is told as the others, without mark and envelope", () => {
  const effect = { f: "lazy:recompute", a: { view: "airportStats", args: { airport: "SFO" } } };
  const seals = [`lazy-views effects ${JSON.stringify([{ t: 60_000 }, effect])}`];
  const envelope = { value: { state: "stale" }, seals, once: [], forward: "lazy:forward", lazyViews: [] };
  const tracer = new Tracer().execution({ args: { airport: "SFO", lazyViews: "client" }, result: envelope });
  expect(tracer.story.totals).toMatchObject({ staleReads: 1, effects: 1 });
  expect(airportsOf(tracer.story.episodes[0], "read")).toEqual(["SFO"]);
  expect(airportsOf(tracer.story.episodes[0], "effect")).toEqual(["SFO"]);
});

test("console lines that are not effects tell nothing", () => {
  const { story } = new Tracer()
    .console({ message: "'hello'" })
    .console({ message: "'lazy-views effects [1]'" })
    .console({ message: "'lazy-views:2:a seal of another app'" })
    .raise("SFO", { level: "LOG" });
  expect(story).toEqual(emptyStory());
});

test("an effect that is no recompute is counted, and starts no episode", () => {
  const { story } = new Tracer().console({ message: 'lazy-views effects [{"f":"tracking:viewed","a":{}}]' });
  expect(story.totals.effects).toBe(1);
  expect(story.episodes).toEqual([]);
});

test("the network's row is counted, and belongs to no episode", () => {
  const network = { view: "networkStats", args: {} };
  const json = JSON.stringify([{ f: "lazy:recompute", a: network }]);
  const tracer = new Tracer();
  const readNetwork = (state: string) => tracer.execution({ path: "rollups/dashboard:network", result: { state } });
  readNetwork("missing");
  tracer
    .console({ message: `lazy-views effects ${json}` })
    .execution({
      path: "lazy:dispatch",
      args: { effects: [{ target: "lazy:recompute", args: network }] },
      result: { dispatched: 1 },
    })
    .execution({
      path: "lazy:recompute",
      caller: "scheduler",
      args: recomputeArgs("networkStats", {}),
      result: "committed",
    });
  readNetwork("fresh");
  readNetwork("stale");
  expect(tracer.story.episodes).toEqual([]);
  expect(tracer.story.totals).toMatchObject({
    misses: 1,
    effects: 1,
    dispatched: 1,
    recomputes: 1,
    hits: 1,
    staleReads: 1,
  });
});

test("the words name the cause, and each step", () => {
  const [written] = new Tracer().write("SFO", "LAX", 20).heal("SFO").story.episodes;
  const [read] = new Tracer().read("SFO", "missing").read("LAX", "missing").story.episodes;
  expect(written && episodeTitle(written)).toBe("20 delayed flights, SFO to LAX");
  expect(read && episodeTitle(read)).toBe("First read of SFO, LAX");
  expect(written?.steps.map((step) => `${stepName(step.kind, step)}: ${stepDetail(step)}`)).toEqual([
    "Write: SFO, LAX marked",
    "Read stale: SFO: old value",
    "Effect raised: by the query itself",
    "Delivered: by the log stream",
    "Dispatched: one for each row",
    "Recomputed: SFO, once",
    "Fresh: pushed to the readers",
  ]);
});
