import type { Edit } from "./engine/program.js";
import type { History, Kind } from "./history.js";
import { BUGS_OF_KINDS } from "./plantedInKinds.js";
import { BUGS_OF_TAILS } from "./plantedInTails.js";
import { BUGS_OF_TRACKING } from "./plantedInTracking.js";

/** A bug that is planted in the library's source when the simulation compiles it. The simulation must find it. */
export interface PlantedBug {
  name: string;
  edits: Edit[];
  /** The seed of a history that it breaks. After changes of the code, such a history may be some seeds later. */
  seed: number;
  /** Whether so few histories meet it that a search of all histories takes too long: the search begins at the seed. */
  isRare?: boolean;
  /** The kind of histories that are searched for it. Default: `stream`. */
  among?: Kind;
  /** The search skips histories without these properties. */
  kind?: Partial<History>;
}

const bug = (seed: number, name: string, file: string, ...changes: [find: string, replace: string][]) => ({
  seed,
  name,
  edits: changes.map(([find, replace]) => ({ file, find, replace })),
});

const idleBug = (...args: Parameters<typeof bug>): PlantedBug => ({ ...bug(...args), kind: { isEvicting: true } });

/** Ways to break each rule of the protocol. */
export const PLANTED_BUGS: readonly PlantedBug[] = [
  bug(1, "a write does not wait for its turn", "src/staleness/watch.ts", [
    "turns.run(() => write(execution, method, table, written))",
    "write(execution, method, table, written)",
  ]),
  bug(1, "a refresh does not wait for its turn", "src/views/view.ts", [
    "return execution.mutex.run(() => work(execution, view, checked));",
    'const inTurn = () => work(execution, view, checked);\n  return method === "refresh" ? inTurn() : execution.mutex.run(inTurn);',
  ]),
  bug(12, "a mutation ends before its writes", "src/app/builders.ts", ["await mutex.close()", ""]),
  bug(0, "a commit leaves the old mark", "src/model/row.ts", [
    "await db.replace(view.name, old._id,",
    "await db.patch(view.name, old._id,",
  ]),
  bug(12, "a row is as of the clock, not as of its snapshot", "src/recompute/compute.ts", [
    "const asOf = execution.reader.meta.getSnapshotTs()",
    "const asOf = BigInt(Date.now()) * 1_000_000n",
  ]),
  bug(29, "the trailing edge of a window is dropped", "src/effects/dispatch.ts", [
    "hasSeenOther && !isPutOff",
    "false",
  ]),
  bug(29, "a new effect is dropped as a repetition", "src/effects/dispatch.ts", [
    "seen !== entry.seen || entry.failure",
    "entry.failure",
  ]),
  bug(2, "a superseded effect is dispatched", "src/effects/dispatch.ts", ["commit > seen", "false"]),
  bug(4, "an effect with trailing is dropped inside its window", "src/effects/dispatch.ts", [
    "return trailing === true && ",
    "return false && ",
  ]),
  bug(680, "an effect that was put off counts for the next window, too", "src/effects/dispatch.ts", [
    " && now < entry.windowEndsAt - windowMs",
    "",
  ]),
  bug(4, "an effect that was put off begins no window", "src/effects/dispatch.ts", [
    "{ windowEndsAt: windowEndsAt + windowMs }",
    "{}",
  ]),
  bug(4, "an open window is ignored", "src/effects/dispatch.ts", [
    "entry !== null && isAhead(",
    "entry !== null && now < 0 && isAhead(",
  ]),
  {
    ...bug(125, "a dispatch reads rows in its own transaction", "src/model/app.ts", [
      "{ useStaleSnapshot: true, ...options }",
      "options",
    ]),
    isRare: true,
  },
  bug(4, "the old document of a change is forgotten", "src/staleness/sources.ts", [
    '["before", "after"] as const',
    '["after"] as const',
  ]),
  bug(4, "a mutation remembers marks that a sub-mutation took away", "src/app/builders.ts", [
    ".finally(() => execution.forget())",
    "",
  ]),
  bug(1, "a mutation remembers a mark that its own refresh took away", "src/recompute/commit.ts", [
    "execution.forget(markOf(view, key.text));",
    "",
  ]),
  bug(585, "a mark is never set again", "src/staleness/mark.ts", [
    "Math.abs(now - lastMark) <= graceMs + (pendingUntil === undefined ? 0 : workMs(view))",
    "now > 0",
  ]),
  bug(8, "tags are ignored", "src/staleness/predicates.ts", ["if (isTagInvalidated === undefined) return", "return"]),
  bug(0, "an expired value is served", "src/staleness/predicates.ts", [
    '"fresh" ? "fresh" : "expired"',
    '"fresh" ? "fresh" : "stale"',
  ]),
  bug(4, "the version of a row is ignored", "src/staleness/judge.ts", [
    "row.version !== view.version && !isCompatible",
    "false",
  ]),
  bug(1, "rows are not marked when they reach an age", "src/staleness/predicates.ts", [
    "expiresAt === undefined || expiresAt > computedAt + ageMs",
    "expiresAt !== undefined && expiresAt > computedAt + ageMs",
  ]),
  {
    ...bug(2453, "clean-up does not check again before it deletes", "src/app/sweeps.ts", [
      "if (!isDue) return;",
      "if (!found) return;",
    ]),
    isRare: true,
  },
  bug(5, "a failure has no backoff", "src/effects/ledger.ts", [
    "Math.max(failedAt + backoffMs(attempts), entry?.windowEndsAt ?? 0)",
    "failedAt + 10",
  ]),
  bug(5, "a failure is not retried", "src/effects/ledger.ts", ["retry && attempts < MAX_ATTEMPTS", "false"]),
  {
    ...bug(1878, "a job that was overtaken runs all the same", "src/recompute/recompute.ts", [
      "isOwn ? entry.taken === true : entry.taken !== false",
      "false",
    ]),
    isRare: true,
  },
  bug(66, "a late job is overtaken for ever", "src/effects/dispatch.ts", [
    "isRepeated ? false : undefined",
    "undefined",
  ]),
  {
    ...bug(1878, "a job runs in a window that another job took", "src/recompute/recompute.ts", [
      ": entry.taken !== false",
      ": entry.taken === undefined",
    ]),
    isRare: true,
  },
  {
    ...bug(4_375, "a window's own job runs though another job took the window", "src/recompute/recompute.ts", [
      "isOwn ? entry.taken === true :",
      "isOwn ? false :",
    ]),
    isRare: true,
  },
  bug(5, "a recompute that was put off opens no window", "src/recompute/recompute.ts", [
    "if (isPutOff || isLate || !isOwn) {",
    "if (false) {",
  ]),
  bug(184, "an eviction keeps the `seen` of the ledger's entry", "src/effects/ledger.ts", [
    'else if (cause === "evicted") await clear(ctx, entry, "seen");',
    "",
  ]),
  bug(24, "a change is not recorded in the run", "src/staleness/mark.ts", [
    "if (run) await touchRun(ledger.db, run, now);",
    "",
  ]),
  bug(24, "a run forgets a change that was made during it", "src/recompute/commit.ts", [
    "if (touchedAt !== undefined) {",
    "if (false) {",
  ]),
  {
    ...bug(485, "the commit of a run starts no follow-up of a leased row", "src/recompute/commit.ts", [
      "isLeased(view, next, now) && (await recomputeSoon(execution, view, key, next))",
      "isLeased(view, next, now)",
    ]),
    kind: { isLeased: true, mode: "snapshot" },
  },
  {
    ...bug(1_079_083, "a job that gave way to a run stays the entry's trailing job", "src/recompute/recompute.ts", [
      'if (isPutOff) await clear(ledger, entry, "trailingJob");',
      "",
    ]),
    isRare: true,
    kind: { isLeased: true, mode: "snapshot" },
  },
  bug(24, "a page is counted twice", "src/recompute/pages.ts", [
    "cursor: page.cursor,\n    accumulated",
    "cursor: found.pages === 0 ? found.cursor : page.cursor,\n    accumulated",
  ]),
  {
    ...bug(203, "a change is applied to a row that is marked", "src/staleness/mark.ts", [
      " && row.dirtyAt === undefined",
      "",
    ]),
    kind: { guard: "applied" },
  },
  {
    ...bug(
      18_605,
      "a change is applied to a row that is being computed",
      "src/staleness/mark.ts",
      ["row && !run && isCurrent", "row && isCurrent"],
      ["if (run) await touchRun", "if (run && value === undefined) await touchRun"],
    ),
    isRare: true,
    kind: { guard: "applied and aged", mode: "paged" },
  },
  bug(8, "a turn is not handed on", "src/recompute/turns.ts", ["await startWaiting(execution, turn.view);", ""]),
  {
    ...bug(22_359, "a key that waits keeps the job of an older window", "src/recompute/turns.ts", [
      "windowOf(job) > windowOf(waiting.job as Attempt)",
      "false",
    ]),
    isRare: true,
    kind: { isLimited: true },
  },
  idleBug(3, "a row is deleted at once, instead of becoming idle", "src/app/sweeps.ts", [
    "isIdle(view, row) && isIdleTimeOver(view, row, sweepAt) &&",
    "isIdleTimeOver(view, row, sweepAt) &&",
  ]),
  idleBug(7, "a reader does not see that a row is idle", "src/views/read.ts", ["!isIdle(view, row)", "true"]),
  idleBug(260, "a row that a reader has asked for is deleted all the same", "src/app/sweeps.ts", [
    " && !(await isAskedFor(execution, view, row))",
    "",
  ]),
  idleBug(2, "a touch does not take the row back", "src/model/row.ts", ["{ askedAt, expiresAt }", "{ expiresAt }"]),
  idleBug(2, "a row is idle again as soon as it was touched", "src/model/idleClock.ts", [
    "Math.max(askedAt + evictAfterMs / 2, idleAt + evictAfterMs)",
    "askedAt + evictAfterMs / 2",
  ]),
  idleBug(3, "a reader's commit keeps the row idle", "src/recompute/commit.ts", [
    "byWrite ? row?.askedAt : askedNow(row, now)",
    "row?.askedAt",
  ]),
  idleBug(7, "no sweep looks at a row that was touched", "src/model/row.ts", [
    "await patchTimes(ledger, view, row, { askedAt, expiresAt }, now);",
    "await (ledger.db as AnyWriter).patch(view.name, row._id, { askedAt, expiresAt });",
  ]),
  idleBug(2, "each sweep makes a row idle anew", "src/model/row.ts", [
    "isIdleTimeOver(view, row, time) ? Math",
    "view.evictAfterMs ? Math",
  ]),
  bug(8, "a job that has died is waited for", "src/model/run.ts", [
    'kind === "pending" || kind === "inProgress" ? kind : false',
    '"pending"',
  ]),
  {
    ...bug(6, "the turn of a job that has died is never handed on", "src/recompute/turns.ts", [
      "if (!isHeld) return",
      "if (false) return",
    ]),
    kind: { isLimited: true },
  },
  bug(4, "seals with an attacker's secret are opened", "src/effects/seal.ts", [
    "of secrets) {",
    'of [...secrets, "a guess"]) {',
  ]),
  bug(7, "an old delivery counts like a recent one", "src/effects/transports/webhook.ts", [
    "events.length > 0 && !events.some(isRecent)",
    "false",
  ]),
  bug(1, "requests are not verified", "src/effects/transports/webhook.ts", [
    "await isSigned(body, signature, [secret, previous])",
    "true",
  ]),
  bug(8, "a canary counts as arrived when it is sent", "src/app/heartbeat.ts", [
    "{ sentAt: at }",
    "{ sentAt: at, arrivedAt: at }",
  ]),
  bug(8, "the recompute of a canary does not record that it has arrived", "src/app/heartbeat.ts", [
    "{ arrivedAt, delayMs: arrivedAt - sentAt, missed: 0 }",
    "{ delayMs: arrivedAt - sentAt }",
  ]),
  ...BUGS_OF_KINDS,
  ...BUGS_OF_TRACKING,
  ...BUGS_OF_TAILS,
];
