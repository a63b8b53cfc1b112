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

/** Bugs that the simulation has found: the shortest history that ran into each. */
const HISTORIES: Record<string, History> = {
  // Lines of a cached result keep the time at which the query ran, and the route refused old ones. Here the only
  // effect is lost, and a quarter of an hour later a reader asks again, served from the cache: the old line counts beside
  // a recent one.
  "old cached lines": history("sources", [
    step({ do: "fill the log" }),
    step({ do: "subscribe", group: "x" }),
    ...Array.from({ length: 8 }, () => step({ do: "wait", ms: 70_000 })),
  ]),
  // An evicted row counts its commits from 0 again, and an effect from before left its seq in the ledger: when the new
  // row came to that seq, the effect that asked for it looked like a repetition.
  "effects of evicted rows": history("sources", [
    step({ do: "subscribe", group: "x" }),
    untilDue,
    step({ do: "add", list: "b", color: "x" }),
    step({ do: "wait until something is due" }, 0),
    step({ do: "evict", group: "x" }),
    step({ do: "wait", ms: 5_000 }),
    step({ do: "add", list: "b", color: "x" }),
  ]),
  // An action computes with the code it was started with, and a new version is deployed before it reports.
  "deployments in the middle of a run": {
    ...history("expired", [
      step({ do: "subscribe", group: "b" }),
      step({ do: "wait until something is due" }, 40),
      step({ do: "deploy" }),
    ]),
    mode: "action",
  },
  // The ledger had a job that release 0.1 had put off and this release refuses: effects were duplicates of it.
  "jobs that release 0.1 has put off": {
    ...history("both", [step({ do: "subscribe", group: "b" }), step({ do: "break" }), untilDue]),
    release: "0.1",
  },
  // A run of release 0.1 whose page had failed was resumed, but has no pages that this release knows.
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
  // A refresh found the `expiresAt` of a row of release 0.1 unchanged, and left it to that release's sweep, which is
  // refused: the row was called fresh after its age.
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
