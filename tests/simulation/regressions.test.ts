import { expect, test } from "vitest";
import type { Deployment } from "./app.js";
import { compileApp } from "./compileApp.js";
import { Isolates } from "./engine/backend.js";
import { type Act, ALL_TURNS, type History, type Step } from "./history.js";
import { simulate } from "./simulation.js";

const step = (act: Act, turns = ALL_TURNS): Step => ({ ...act, turns });
const untilDue = step({ do: "wait until something is due" });
const history = (guard: History["guard"], steps: Step[]): History => ({
  guard,
  steps,
  mode: "transaction",
  isLeased: false,
  isLimited: false,
  isEvicting: false,
  isCompatible: false,
  choices: { deviations: [] },
});

/** The shortest history for each bug that the simulation has found. */
const HISTORIES: Record<string, History> = {
  // The lines of a cached result have the time at which the query ran, and the route refused old lines. Here the only
  // effect is lost, and a quarter of an hour later another reader is served from the cache. The route must accept the old
  // line together with a recent one.
  "old cached lines": history("sources", [
    step({ do: "fill the log" }),
    step({ do: "subscribe", group: "x" }),
    ...Array.from({ length: 8 }, () => step({ do: "wait", ms: 70_000 })),
  ]),
  // After an eviction a row counted its commits from 0 again, while the ledger had the seq of an earlier effect. When the
  // new row reached that seq, its effect looked like a repetition.
  "effects of evicted rows": history("sources", [
    step({ do: "subscribe", group: "x" }),
    untilDue,
    step({ do: "add", list: "b", color: "x" }),
    step({ do: "wait until something is due" }, 0),
    step({ do: "evict", group: "x" }),
    step({ do: "wait", ms: 5_000 }),
    step({ do: "add", list: "b", color: "x" }),
  ]),
  // An action computes with the code that it was started with, and a new version is deployed before it commits.
  "deployments in the middle of a run": {
    ...history("expired", [
      step({ do: "subscribe", group: "b" }),
      step({ do: "wait until something is due" }, 40),
      step({ do: "deploy" }),
    ]),
    mode: "action",
  },
  // The ledger had a job that release 0.1 put off, and that this release refuses: effects counted as its duplicates.
  "jobs that release 0.1 has put off": {
    ...history("both", [step({ do: "subscribe", group: "b" }), step({ do: "break" }), untilDue]),
    release: "0.1",
  },
  // This release resumed a run of release 0.1 whose page had failed, but it does not know that run's pages.
  "runs of release 0.1": {
    ...history("sources", [
      step({ do: "break" }),
      step({ do: "subscribe", group: "y" }),
      step({ do: "wait", ms: 5_000 }),
      step({ do: "wait", ms: 2_000 }),
      step({ do: "upgrade" }),
      step({ do: "mend" }),
    ]),
    mode: "paged",
    release: "0.1",
  },
  // A refresh left the `expiresAt` of a row of release 0.1 unchanged, and so scheduled no sweep. The sweep of release 0.1
  // is refused: the row stayed fresh beyond its age.
  "sweeps of release 0.1": {
    ...history("both", [
      step({ do: "subscribe", group: "a" }),
      untilDue,
      step({ do: "upgrade" }),
      step({ do: "refresh", group: "a" }),
      step({ do: "wait", ms: 70_000 }),
    ]),
    release: "0.1",
    reads: "tables",
  },
};

test.each(Object.entries(HISTORIES))(
  "stays fixed: %s",
  async (_, found) => {
    const isolates = new Isolates<Deployment>(await compileApp());
    expect((await simulate(found, isolates)).violation).toBeNull();
  },
  60_000,
);
