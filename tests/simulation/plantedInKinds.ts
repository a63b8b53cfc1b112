import type { Kind } from "./history.js";
import type { PlantedBug } from "./planted.js";

const bug = (
  among: Kind,
  seed: number,
  name: string,
  file: string,
  [find, replace]: [find: string, replace: string],
  more: Pick<PlantedBug, "isRare" | "kind"> = {},
): PlantedBug => ({ among, seed, name, edits: [{ file, find, replace }], ...more });

/** Bugs that only histories of some kinds meet: pages that forward, upgrades, and lasting faults. */
export const BUGS_OF_KINDS: readonly PlantedBug[] = [
  bug("clients", 3, "a page forwards once, and never again", "src/client/forwarder.ts", [
    "this.forwardAfter(repeatMs * (0.5 + Math.random() / 2));",
    "",
  ]),
  bug("clients", 12, "readers ask for a row whose recompute is announced", "src/views/read.ts", [
    "if (row?.pendingUntil === undefined) execution",
    "execution",
  ]),
  bug(
    "clients",
    334,
    "a sweep leaves the announcement of a recompute that never came",
    "src/model/row.ts",
    ["const pendingUntil = earliest([row.pendingUntil], time);", "const { pendingUntil } = row;"],
    { kind: { isLeased: true } },
  ),
  bug("upgrade", 23, "rows of release 0.1 are judged like others", "src/staleness/judge.ts", [
    "if (row.seq !== undefined) return view.unjudged;",
    "",
  ]),
  bug("upgrade", 7, "what release 0.1 stored in place of a first value is served", "src/model/row.ts", [
    "row !== null && row.seq !== 0",
    "row !== null",
  ]),
  bug("upgrade", 53, "the job that release 0.1 has put off is waited for", "src/effects/dispatch.ts", [
    " && entry.seq === undefined",
    "",
  ]),
  bug(
    "upgrade",
    806,
    "a run of release 0.1 is continued",
    "src/recompute/recompute.ts",
    ["run && pages && view.mode", "run && view.mode"],
    { kind: { mode: "paged", release: "0.1" } },
  ),
  bug(
    "upgrade",
    127,
    "a run that has died stays beside the next one",
    "src/recompute/recompute.ts",
    ["if (run) await endRun(execution, run);", ""],
    { kind: { release: "0.1" } },
  ),
  bug("lasting faults", 10, "the heartbeat repairs only rows that are marked", "src/app/sweeps.ts", [
    "return row.pendingUntil <= now;",
    "return row.pendingUntil <= now;\n  if (row.dirtyAt === undefined) return false;",
  ]),
  bug("lasting faults", 97, "the heartbeat leaves runs that have died", "src/app/heartbeat.ts", [
    '"lazyRuns", "lazyTurns", ...views',
    '"lazyTurns", ...views',
  ]),
  bug("lasting faults", 10, "the heartbeat leaves rows whose sweep has died", "src/app/heartbeat.ts", [
    '"lazyTurns", ...views]',
    '"lazyTurns"]',
  ]),
  bug("lasting faults", 4, "the heartbeat forgets a row two minutes after a reader has asked", "src/app/sweeps.ts", [
    "(scan.at - ASKED_LATELY_MS)",
    "(scan.at - PATIENCE_MS)",
  ]),
  bug("stream", 8, "a run that has died is ended, and not tried again", "src/recompute/run.ts", [
    "else await giveUp(execution, run, `the run",
    "else await abandon(execution, run); void (`the run",
  ]),
];
