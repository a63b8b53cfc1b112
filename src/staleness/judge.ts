import { canonicalText } from "../effects/canonical.js";
import type { ViewDefinition } from "../views/definition.js";
import type { Row } from "../views/viewTable.js";
import type { AnyQueryCtx, Verdict } from "./predicate.js";

/**
 * The verdict on a row. A row of another version is expired, unless the view names that version as compatible,
 * which makes it stale; else the view's predicate decides.
 */
export function judge(
  ctx: AnyQueryCtx,
  view: ViewDefinition,
  row: Row,
): Verdict | Promise<Verdict> {
  if (row.version !== view.version) {
    return view.compatible.includes(row.version) ? "stale" : "expired";
  }
  return view.staleWhen.judge(
    { ctx, row, probe: (index: number) => probeText(ctx, view, index, row.args) },
    0,
  );
}

/**
 * As `judge`, for readers: a predicate that throws is said on the console, and its row is served as stale.
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
    return typeof verdict === "string" ? verdict : verdict.catch((error) => stale(view, error));
  } catch (error) {
    return stale(view, error);
  }
}

function stale(view: ViewDefinition, error: unknown): Verdict {
  console.error(
    `convex-lazy-views: view "${view.name}": staleWhen threw, so the row is served as stale: ${error}`,
  );
  return "stale";
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
