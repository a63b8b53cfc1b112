import { canonicalText } from "../effects/canonical.js";
import type { ViewDefinition } from "../views/definition.js";
import type { Row } from "../views/viewTable.js";
import type { AnyQueryCtx, Sight, Verdict } from "./predicate.js";
import { isAnyInvalidated, tagsOf } from "./tags.js";

/**
 * The verdict on a row: the view's predicate decides. A row of another version is expired; one of a version that the
 * view names as compatible is stale, unless it is expired all the same.
 */
export function judge(
  ctx: AnyQueryCtx,
  view: ViewDefinition,
  stored: Row,
): Verdict | Promise<Verdict> {
  const isCompatible = view.compatible.includes(stored.version);
  if (stored.version !== view.version && !isCompatible) return "expired";
  // A run takes the mark away before it reads; for readers it is there until the run ends.
  const dirtyAt = stored.dirtyAt ?? stored.refreshing?.dirtyAt;
  const row = dirtyAt === stored.dirtyAt ? stored : { ...stored, dirtyAt: dirtyAt as number };
  const verdict = view.staleWhen.judge(new RowSight(ctx, view, row), 0);
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

  probe(index: number): Promise<string> {
    return probeText(this.ctx, this.view, index, this.row.args);
  }

  /** Asked once, also when `staleWhen` and `expiredWhen` both want to know. */
  private askTags(): Promise<boolean> {
    this.asked ??= this.readTags();
    return this.asked;
  }

  private async readTags(): Promise<boolean> {
    const { ctx, view, row } = this;
    return await isAnyInvalidated(ctx.db, tagsOf(view, row.args), row.asOf);
  }
}

/**
 * The verdict on a row that is being committed: whether the predicate could ever call it fresh. Its probes say what
 * they said when it was computed, and its tags are as they were then: what has changed since is for readers to see.
 *
 * @throws Error when the key's tags are no tags.
 */
export function judgeNew(
  ctx: AnyQueryCtx,
  view: ViewDefinition,
  row: Row,
): Verdict | Promise<Verdict> {
  tagsOf(view, row.args);
  const probe = async (index: number) => row.probes?.[index] as string;
  return view.staleWhen.judge({ ctx, row, probe }, 0);
}

function outdated(verdict: Verdict): Verdict {
  return verdict === "fresh" ? "stale" : verdict;
}

/**
 * As `judge`, for readers: a predicate that throws is said on the console, and its row counts as stale, or as expired
 * in a view that has values it must not serve.
 *
 * @returns No promise unless the predicate returned one: every read waits for this.
 */
export function judgeForReader(
  ctx: AnyQueryCtx,
  view: ViewDefinition,
  row: Row,
): Verdict | Promise<Verdict> {
  try {
    const verdict = judge(ctx, view, row);
    return typeof verdict === "string" ? verdict : verdict.catch((error) => unjudged(view, error));
  } catch (error) {
    return unjudged(view, error);
  }
}

function unjudged(view: ViewDefinition, error: unknown): Verdict {
  const verdict = view.onPredicateError;
  console.error(
    `convex-lazy-views: view "${view.name}": the row counts as ${verdict}, because its predicate threw: ${error}`,
  );
  return verdict;
}

/** What every probe of a view says now, to be stored with a commit; undefined when it has none. */
export async function probeTexts(
  ctx: AnyQueryCtx,
  view: ViewDefinition,
  key: unknown,
): Promise<string[] | undefined> {
  const { probes } = view.staleWhen;
  if (probes.length === 0) return undefined;
  return await Promise.all(probes.map((_, index) => probeText(ctx, view, index, key)));
}

async function probeText(
  ctx: AnyQueryCtx,
  view: ViewDefinition,
  index: number,
  key: unknown,
): Promise<string> {
  const probe = view.staleWhen.probes[index] as (ctx: AnyQueryCtx, key: unknown) => unknown;
  return canonicalText(await probe(ctx, key), `view "${view.name}": the result of changed()`);
}
