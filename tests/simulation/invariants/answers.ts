import { AGE_MS, type Deployment } from "../app.js";
import type { Ended } from "../engine/backend.js";
import type { Store } from "../engine/store.js";
import type { Part } from "../trackedViews.js";
import { followsItems, hasAge, numbersOf, rowsOf } from "../truth.js";
import { isEqual } from "./rows.js";
import { must } from "./violation.js";

/** The answer of `view.read`. */
interface Answer {
  state: "fresh" | "stale" | "expired" | "missing";
  value: { ns: number[]; version: number } | null;
  computedAt: number | null;
}

/** Documents that a hit reads in addition to the row: one for each tag. */
const TAGS = 2;
/** When scheduled functions are on time, a row is marked within 1.05 times its age. */
const MARK_MS = AGE_MS + Math.max(AGE_MS / 20, 1_000);
/** A sweep whose snapshot is too old to show what is due looks again a second later. */
const SWEEP_SLACK_MS = 10_000;

/**
 * Invariants of every answer to a reader:
 * - Never fresh and wrong: a fresh value is equal to what compute returns in the same snapshot.
 * - An expired value is not served, and a view that computes for its readers is always right.
 * - A read writes nothing and does not use the clock. A hit reads one document, and one for each tag.
 */
export function checkAnswer(store: Store, ended: Ended<Deployment>, worstLagMs: number): void {
  const { deployment, snapshot, usage } = ended;
  const { guard, version } = deployment;
  must(usage.used.documentsWritten === 0, () => `${ended.path} wrote.`);
  must(!ended.readClock, () => `${ended.path} looked at the clock, or at randomness.`);
  if ("error" in ended.result) {
    const { message } = ended.result.error;
    must(guard === "computed" && message === "broken", () => `${ended.path} threw: ${message}`);
    return;
  }
  const { group } = ended.args as { group: string };
  const answer = ended.result.value as unknown as Answer;
  const { state, value } = answer;
  const numbers = numbersOf(store, group, snapshot);
  const said = () =>
    `At snapshot ${snapshot} (version ${version}, guard ${guard}) the reader of ${group} was told ${state} ` +
    `with ${JSON.stringify(value)}; the items are ${JSON.stringify(numbers)}.`;
  const isTrue = value !== null && isEqual(value.ns, numbers);

  if (state === "fresh") {
    must(value?.version === version && rowsOf(store, snapshot).has(group), said);
    must(isTrue || !followsItems(guard), said);
    const shared = rowsOf(store, snapshot).get(group)?.tracked?.shared ?? [];
    const ranges = 1 + (guard === "tags" ? TAGS : 0) + shared.length;
    must(
      usage.used.databaseQueries <= ranges && usage.used.documentsRead <= ranges,
      () => `${said()} The hit read ${usage.used.documentsRead} documents of ${usage.used.databaseQueries} ranges.`,
    );
    checkAge(ended, ended.begunAt, worstLagMs);
  } else if (guard === "computed") {
    must(isTrue && (state === "stale" || value?.version === version), said);
  } else if (guard === "expired") {
    must(value === null || isTrue, said);
  } else if (state !== "stale") {
    must(value === null, said);
  }
  must(state !== "stale" || value !== null, said);
}

/** Never fresh and wrong: answers to readers of a view under `groups`. */
export function checkPart(store: Store, { args, result, snapshot }: Ended<Deployment>): void {
  if ("error" in result) {
    const { message } = result.error;
    must(message === "broken", () => `A part threw: ${message}`);
    return;
  }
  if (result.value === null) return;
  const { part, group } = args as { part: Part; group: string };
  const { state, value } = result.value as unknown as Answer;
  const numbers = numbersOf(store, group, snapshot, part);
  must(state === "stale" || (value !== null && isEqual(value.ns, numbers)), () => {
    return `At snapshot ${snapshot} the reader of ${part} ${group} was told ${state} with ${JSON.stringify(value)}.`;
  });
}

/** A fresh value is not older than the view's age, plus the time that its mark may be late. */
export function checkAge({ deployment, result, args }: Ended<Deployment>, now: number, worstLagMs: number): void {
  if (!hasAge(deployment.guard) || "error" in result) return;
  const { state, computedAt } = result.value as unknown as Answer;
  if (state !== "fresh" || computedAt === null) return;
  const limit = MARK_MS + 2 * worstLagMs + SWEEP_SLACK_MS;
  must(now - computedAt <= limit, () => {
    const { group } = args as { group: string };
    return `The reader of ${group} is told fresh of a row that is ${now - computedAt} ms old.`;
  });
}
