import type { PlantedBug } from "./planted.js";

const bug = (
  seed: number,
  name: string,
  file: string,
  [find, replace]: [find: string, replace: string],
  more: Pick<PlantedBug, "isRare" | "kind"> = {},
): PlantedBug => ({ among: "tail", seed, name, edits: [{ file: `src/${file}.ts`, find, replace }], ...more });

const NOTHING = "";

/** Bugs in the tail: its start and end, its cursor, and its behavior when the log cannot be read. */
export const BUGS_OF_TAILS: readonly PlantedBug[] = [
  bug(
    692,
    "the cursor is moved before the dispatch",
    "app/readLog",
    [
      "const hasEffects = await this.dispatch(polled);\n        this.cursor = polled.cursor;",
      "this.cursor = polled.cursor;\n        const hasEffects = await this.dispatch(polled);",
    ],
    { isRare: true },
  ),
  bug(117, "the cursor is saved before the dispatch", "app/readLog", [
    "const last = effects.at(-1);",
    "const last = effects.at(-1);\n    this.cursor = cursor;\n    await this.note();",
  ]),
  bug(1, "a tail begins at the present, not where the last one stopped", "app/tail", [
    "found ? Math.max(found.cursor, now - MAX_FORWARD_AGE_MS) :",
    "found ? now :",
  ]),
  bug(212, "a tail ends without closing first", "app/readLog", ['"closes" : "handsOver"', '"ends" : "handsOver"']),
  bug(159, "a tail that closes is taken for one that reads", "app/tail", ["found.isClosing === true || ", NOTHING]),
  bug(9, "a tail starts without checking whether another one reads", "app/tail", [
    "if (!(await isTailNeeded(raw, true))) return 0;",
    NOTHING,
  ]),
  bug(0, "the clock decides whether a tail is alive", "app/tail", [
    "!(await isAlive(ctx, found.job))",
    "found.startedAt + MAX_FORWARD_AGE_MS < Date.now()",
  ]),
  bug(2, "a tail that has died is waited for", "app/tail", [
    "!(await isAlive(ctx, found.job))",
    "found.job === undefined",
  ]),
  bug(4, "a write depends on whether a tail reads", "app/tail", [
    'await askSnapshot(app, ctx, { kind: "tail", isUrgent })',
    "await isTailNeeded(ctx, isUrgent)",
  ]),
  bug(9, "a tail never hands over", "app/readLog", [
    "Math.min(Date.now() + quietMs, handOverAt)",
    "Date.now() + quietMs",
  ]),
  bug(9, "a tail that hands over starts no other", "app/tail", [
    'if (becomes === "handsOver") await startTail(app, raw, next.job);',
    NOTHING,
  ]),
  bug(17, "a tail reads on as long as anything runs", "app/readLog", ["hasEffects && this.becomes", "this.becomes"]),
  bug(0, "a tail does not pause between polls", "app/readLog", [
    "await new Promise((resolve) => setTimeout(resolve, POLL_PAUSE_MS));",
    NOTHING,
  ]),
  bug(8, "a tail leaves its poll open", "app/readLog", ["await this.poll?.catch(() => {});", NOTHING]),
  bug(15, "entries that the log dropped are not noticed", "app/tail", ["? { wrappedAt: now } :", "? {} :"]),
  bug(6, "a key that is refused is tried again at once", "app/tail", [
    "isLasting ? MAX_BACKOFF_MS : backoffMs(attempts)",
    "isLasting ? 0 : backoffMs(attempts)",
  ]),
  bug(8, "a connection that was lost is not tried again", "app/tail", [
    "!isLasting && attempts",
    "isLasting && attempts",
  ]),
  bug(13, "the heartbeat waits for the backoff of a key that was refused", "app/tail", [
    "if (job.isForced && found?.problem)",
    "if (false && found?.problem)",
  ]),
  bug(2, "the heartbeat starts no tail", "app/heartbeat", [
    "if (isTailing(app)) await attempt",
    "if (false) await attempt",
  ]),
  bug(14, "a mark starts no tail", "staleness/mark", ["execution.wakesReaders ||= !isAnnounced;", NOTHING]),
  bug(1, "an age starts no tail", "app/sweeps", ["execution.wakesReaders = true;", NOTHING]),
  bug(59, "a deleted row starts no tail", "staleness/sources", ["execution.wakesReaders = true;", NOTHING]),
  bug(30, "a change during a run starts no tail", "recompute/commit", ["} else execution.wakesReaders = true;", "}"], {
    kind: { mode: "paged", isLeased: false },
  }),
  bug(
    1_798,
    "a tag that is shared starts no tail",
    "staleness/sources",
    ["execution.wakesReaders ||= shared.size > 0;", NOTHING],
    { kind: { isCrowded: true } },
  ),
  bug(101, "a tag starts no tail", "app/lazyViews", ["execution.wakesReaders = true;", NOTHING]),
  bug(9, "the report of an earlier tail ends the later one", "app/tail", ["found.number !== number", "false"]),
];
