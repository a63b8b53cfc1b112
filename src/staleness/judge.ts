import type { Probe, Sight, Verdict, ViewDefinition } from "../model/definition.js";
import { withoutIdentity } from "../model/execution.js";
import type { AnyQueryCtx, Row, StoredRow } from "../schema.js";
import { isRecorded } from "../tracking/recorder.js";
import { canonicalText } from "../values/canonical.js";
import { complain } from "../values/describe.js";
import { isAnyInvalidated } from "./tags.js";

type MaybeLater<T> = T | Promise<T>;

/**
 * The verdict on a row: the view's predicate decides. A row of another version is expired; one of a compatible version
 * is stale, if not expired. A row of release 0.1 may have left its mark with a run, so it cannot be judged.
 */
function judge(ctx: AnyQueryCtx, view: ViewDefinition, row: Row & Pick<StoredRow, "seq">): MaybeLater<Verdict> {
  const isCompatible = view.compatible.includes(row.version);
  if (row.version !== view.version && !isCompatible) return "expired";
  if (row.seq !== undefined) return view.unjudged;
  const verdict = view.staleWhen.judge(sightOf(ctx, view, isUnknown(view, row) ? { ...row, dirtyAt: 0 } : row));
  const outdated = (seen: Verdict) => (isCompatible && seen === "fresh" ? "stale" : seen);
  return typeof verdict === "string" ? outdated(verdict) : verdict.then(outdated);
}

/** Whether it is not known what a row depends on: it was committed before that was recorded, or over another version. */
function isUnknown(view: ViewDefinition, { tracked }: Row): boolean {
  if (!tracked) return isRecorded(view);
  return Object.entries(tracked.over ?? {}).some(([name, version]) => view.siblings?.get(name)?.version !== version);
}

/** A row as its readers see it. Every read makes one: what is not asked for is not prepared. */
function sightOf(ctx: AnyQueryCtx, view: ViewDefinition, row: Row): Sight {
  let asked: Promise<boolean> | undefined;
  // Asked once, also when `staleWhen` and `expiredWhen` both want to know.
  const askTags = () => {
    asked ??= isAnyInvalidated(ctx.db, view, row);
    return asked;
  };
  return {
    get ctx() {
      return withoutIdentity(ctx);
    },
    row,
    isTagInvalidated: view.tags || row.tracked?.shared ? askTags : undefined,
    hasChanged: async (probe) =>
      row.probes?.[view.staleWhen.probes.indexOf(probe)] !== (await probeText(ctx, view, probe, row.args)),
  };
}

/**
 * As `judge`, for readers: a predicate that throws is logged, and its row counts as stale, or as expired in a view that
 * has values it must not serve. Gives no promise unless the predicate returned one: every read waits for this.
 */
export function judgeForReader(ctx: AnyQueryCtx, view: ViewDefinition, row: Row, log = complain): MaybeLater<Verdict> {
  const { name, unjudged } = view;
  const fallBack = (error: unknown) => {
    log(`view "${name}": the row counts as ${unjudged}, because its predicate threw: ${error}`);
    return unjudged;
  };
  try {
    const verdict = judge(ctx, view, row);
    return typeof verdict === "string" ? verdict : verdict.catch(fallBack);
  } catch (error) {
    return fallBack(error);
  }
}

/** What every probe of a view says now, to be stored with a commit; undefined when it has none. */
export async function probeTexts(ctx: AnyQueryCtx, view: ViewDefinition, key: unknown): Promise<string[] | undefined> {
  const { probes } = view.staleWhen;
  if (probes.length === 0) return undefined;
  return await Promise.all(probes.map((probe) => probeText(ctx, view, probe, key)));
}

async function probeText(ctx: AnyQueryCtx, { name }: ViewDefinition, probe: Probe, key: unknown): Promise<string> {
  const result = (await probe(withoutIdentity(ctx), key as never)) ?? null;
  return canonicalText(result, `view "${name}": the result of changed()`);
}
