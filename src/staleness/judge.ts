import type { Probe, Sight, Verdict, ViewDefinition } from "../model/definition.js";
import type { AnyQueryCtx, Row, StoredRow } from "../schema.js";
import { canonicalText } from "../values/canonical.js";
import { isAnyInvalidated, tagsOf } from "./tags.js";

type MaybeLater<T> = T | Promise<T>;

/**
 * The verdict on a row: the view's predicate decides. A row of another version is expired; one of a version that the
 * view names as compatible is stale, unless it is expired all the same. A row of release 0.1 may have left its mark
 * with a run, so it cannot be judged.
 */
export function judge(ctx: AnyQueryCtx, view: ViewDefinition, row: Row & Pick<StoredRow, "seq">): MaybeLater<Verdict> {
  const isCompatible = view.compatible.includes(row.version);
  if (row.version !== view.version && !isCompatible) return "expired";
  if (row.seq !== undefined) return view.unjudged;
  const verdict = view.staleWhen.judge(new RowSight(ctx, view, row));
  if (!isCompatible) return verdict;
  return typeof verdict === "string" ? outdated(verdict) : verdict.then(outdated);
}

/** A row as its readers see it. Every read makes one: what is not asked for is not prepared. */
class RowSight implements Sight {
  private asked: Promise<boolean> | undefined;

  constructor(
    readonly ctx: AnyQueryCtx,
    private readonly view: ViewDefinition,
    readonly row: Row,
  ) {}

  get isTagInvalidated(): (() => Promise<boolean>) | undefined {
    return this.view.tags === undefined ? undefined : () => this.askTags();
  }

  async hasChanged(probe: Probe): Promise<boolean> {
    const { ctx, view, row } = this;
    const before = row.probes?.[view.staleWhen.probes.indexOf(probe)];
    return before !== (await probeText(ctx, view, probe, row.args));
  }

  /** Asked once, also when `staleWhen` and `expiredWhen` both want to know. */
  private askTags(): Promise<boolean> {
    const { ctx, view, row } = this;
    this.asked ??= isAnyInvalidated(ctx.db, tagsOf(view, row.args), row.asOf);
    return this.asked;
  }
}

/**
 * The verdict on a row that is being committed: whether the predicate could ever call it fresh. Its probes say what
 * they said when it was computed, and its tags are as they were then: what has changed since is for readers to see.
 *
 * @throws Error when the key's tags are no tags.
 */
export function judgeNew(ctx: AnyQueryCtx, view: ViewDefinition, row: Row): MaybeLater<Verdict> {
  tagsOf(view, row.args);
  return view.staleWhen.judge({ ctx, row, hasChanged: async () => false });
}

function outdated(verdict: Verdict): Verdict {
  return verdict === "fresh" ? "stale" : verdict;
}

/**
 * As `judge`, for readers: a predicate that throws is logged, and its row counts as stale, or as expired in a view that
 * has values it must not serve.
 *
 * @returns No promise unless the predicate returned one: every read waits for this.
 */
export function judgeForReader(ctx: AnyQueryCtx, view: ViewDefinition, row: Row): MaybeLater<Verdict> {
  try {
    const verdict = judge(ctx, view, row);
    return typeof verdict === "string" ? verdict : verdict.catch((error) => unjudged(view, error));
  } catch (error) {
    return unjudged(view, error);
  }
}

function unjudged(view: ViewDefinition, error: unknown): Verdict {
  console.error(
    `convex-lazy-views: view "${view.name}": the row counts as ${view.unjudged}, because its predicate threw: ${error}`,
  );
  return view.unjudged;
}

/** What every probe of a view says now, to be stored with a commit; undefined when it has none. */
export async function probeTexts(ctx: AnyQueryCtx, view: ViewDefinition, key: unknown): Promise<string[] | undefined> {
  const { probes } = view.staleWhen;
  if (probes.length === 0) return undefined;
  return await Promise.all(probes.map((probe) => probeText(ctx, view, probe, key)));
}

async function probeText(ctx: AnyQueryCtx, view: ViewDefinition, probe: Probe, key: unknown): Promise<string> {
  const found = await probe(ctx, key as never);
  return canonicalText(found, `view "${view.name}": the result of changed()`);
}
