import type { Edit } from "./engine/program.js";
import type { History } from "./history.js";

/** A bug that is put into the library on its way into the simulation, which must find it. */
export interface PlantedBug {
  name: string;
  edits: Edit[];
  /** The seed of a history that it breaks; after a change of the code, of one that is not far from such a history. */
  seed: number;
  /** Whether so much must come together that a search among all histories takes too long: it begins at the seed. */
  isRare?: boolean;
  /** A search leaves out histories that are not of this kind. */
  kind?: Partial<History>;
}

const bug = (
  seed: number,
  name: string,
  file: string,
  ...changes: [find: string, replace: string][]
) => ({
  seed,
  name,
  edits: changes.map(([find, replace]) => ({ file, find, replace })),
});

/** Ways to break each rule of the protocol. */
export const PLANTED_BUGS: readonly PlantedBug[] = [
  bug(12, "a write while compute runs is forgotten", "src/recompute/commit.ts", [
    "isWritten() || lazy.marks.mayBeMarked(mark) ? { dirtyAt: Date.now() } : {}",
    "{}",
  ]),
  bug(2, "a commit leaves the old mark", "src/recompute/commit.ts", [
    "await ctx.db.replace(view.name, id,",
    "await ctx.db.patch(view.name, id,",
  ]),
  bug(6, "a row is as of the clock, not as of its snapshot", "src/recompute/value.ts", [
    "const asOf = reader.meta.getSnapshotTs()",
    "const asOf = BigInt(Date.now()) * 1_000_000n",
  ]),
  bug(12, "the trailing edge of a window is dropped", "src/effects/dispatch.ts", [
    "isNews && entry.trailingJob === undefined",
    "false",
  ]),
  bug(13, "news is not told from repetition", "src/effects/dispatch.ts", [
    "seq !== entry.seq || entry.failure",
    "entry.failure",
  ]),
  bug(4, "a superseded effect is dispatched", "src/effects/effect.ts", [
    "? row.seq > seq : row.born > born",
    "? false : false",
  ]),
  bug(2, "a window is not looked at", "src/effects/dispatch.ts", [
    "!isAhead(entry.windowEndsAt, now, furthestMs)",
    "true",
  ]),
  {
    ...bug(135, "a dispatch reads rows in its own transaction", "src/app.ts", [
      "{ useStaleSnapshot: true }",
      "{}",
    ]),
    isRare: true,
  },
  bug(4, "the old document of a change is forgotten", "src/staleness/sources.ts", [
    '["before", oldDoc],',
    "",
  ]),
  bug(
    14,
    "a mutation remembers marks that a sub-mutation took away",
    "src/staleness/marks.ts",
    ["this.started++;\n    this.marked.clear();", "this.started++;"],
    ["this.running--;\n    this.marked.clear();", "this.running--;"],
  ),
  bug(4, "a mark is never set again", "src/staleness/invalidate.ts", [
    "Math.abs(now - row.dirtyAt) <= graceMs(view, row)",
    "now > 0",
  ]),
  bug(0, "tags are not looked at", "src/staleness/predicates.ts", [
    "if (isTagInvalidated === undefined) return",
    "return",
  ]),
  bug(6, "what is expired is served", "src/staleness/predicates.ts", [
    '"fresh" ? "fresh" : "expired"',
    '"fresh" ? "fresh" : "stale"',
  ]),
  bug(4, "the version of a row is not looked at", "src/staleness/judge.ts", [
    "stored.version !== view.version && !isCompatible",
    "false",
  ]),
  bug(1, "rows are not marked when they reach an age", "src/sweeping.ts", [
    "} else await lookAt(",
    "} else if (swept < 0) await lookAt(",
  ]),
  {
    ...bug(601_048, "clean-up does not look again before it deletes", "src/effects/ledger.ts", [
      "entry !== null && entry.expiresAt <= by",
      "entry !== null",
    ]),
    isRare: true,
  },
  bug(5, "a failure has no backoff", "src/recompute/retry.ts", [
    "Math.max(now + backoffMs(attempts), entry?.windowEndsAt ?? 0)",
    "now + 10",
  ]),
  bug(6, "a failure is not retried", "src/recompute/retry.ts", [
    "work.retry && attempts < RETRY.maxAttempts",
    "false",
  ]),
  bug(24, "a job that was overtaken runs all the same", "src/recompute/recompute.ts", [
    "entry.windowEndsAt !== ownWindow",
    "false",
  ]),
  bug(6, "a recompute that was put off opens no window", "src/recompute/recompute.ts", [
    "if (isPutOff || isLate) {",
    "if (false) {",
  ]),
  bug(24, "a run forgets the marks that were set while it lasted", "src/recompute/run.ts", [
    "...(dirtyAt === undefined ? {} : { dirtyAt }),\n    ...(isFollowedUp",
    "...(isFollowedUp",
  ]),
  bug(33, "a run that is given up does not put the mark back", "src/recompute/run.ts", [
    "row.dirtyAt ?? row.refreshing?.dirtyAt",
    "row.dirtyAt",
  ]),
  {
    ...bug(
      701_010,
      "the commit of a run has no follow-up of a leased row",
      "src/recompute/run.ts",
      ["pending === true && (await lazy.recomputeSoon(view, key, next))", "pending === true"],
    ),
    isRare: true,
    kind: { isLeased: true, mode: "snapshot" },
  },
  bug(24, "a page is taken in twice", "src/recompute/paged.ts", [
    "cursor: page.cursor,\n    accumulated",
    "cursor: found.pages === 0 ? found.cursor : page.cursor,\n    accumulated",
  ]),
  {
    ...bug(640, "a change is applied to a row that is marked", "src/staleness/applyChange.ts", [
      "row.version !== version || row.dirtyAt !== undefined || row.refreshing !== undefined",
      "row.version !== version || row.refreshing !== undefined",
    ]),
    kind: { guard: "applied" },
  },
  {
    ...bug(
      3_000_715,
      "a change is applied to a row that is being computed",
      "src/staleness/applyChange.ts",
      ["row.dirtyAt !== undefined || row.refreshing !== undefined", "row.dirtyAt !== undefined"],
    ),
    isRare: true,
    kind: { guard: "applied", mode: "paged" },
  },
  {
    ...bug(
      460,
      "a write beside a refresh is applied, though the refresh may have seen it",
      "src/recompute/commit.ts",
      ["isWritten() || lazy.marks", "lazy.marks"],
    ),
    kind: { guard: "applied", mode: "transaction" },
  },
  bug(8, "a turn is not handed on", "src/recompute/turns.ts", [
    "if (next === null || slot.index",
    "if (next !== undefined || slot.index",
  ]),
  {
    ...bug(145, "a key that waits keeps the job of an older window", "src/recompute/turns.ts", [
      "windowOf(job) > windowOf(earlier)",
      "false",
    ]),
    kind: { isLimited: true },
  },
  bug(16, "a row is evicted as soon as it is stale", "src/evicting.ts", [
    "since !== undefined && since + mayStayMs > now",
    "false",
  ]),
  bug(6, "a job that has died is waited for", "src/staleness/backstop.ts", [
    "return !isAhead(since + ms, now, ms);",
    "return !isWaiting && !isAhead(since + ms, now, ms);",
  ]),
  {
    ...bug(
      3_068_516,
      "a job that left its work to another is still believed to come",
      "src/recompute/recompute.ts",
      ["if (isPutOff) await recordConsumed(ledger, entry);", ""],
    ),
    isRare: true,
    kind: { isLeased: true, mode: "paged" },
  },
  bug(2, "seals are not verified", "src/effects/seal.ts", [
    "if (await verify(text, signature, secret)) return",
    "return",
  ]),
  bug(1, "requests are not verified", "src/effects/transports/webhook.ts", [
    "!(await isSigned(body, signature, secret))",
    "false",
  ]),
];
