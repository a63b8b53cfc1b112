import type { Probe, Sight, Verdict, ViewDefinition } from "../model/definition.js";
import { withoutIdentity } from "../model/execution.js";
import type { AnyQueryCtx, Row, StoredRow } from "../schema.js";
import { isRecorded } from "../tracking/recorder.js";
import { canonicalText } from "../values/canonical.js";
import { complain } from "../values/describe.js";
import { isAnyInvalidated } from "./tags.js";

type MaybeLater<T> = T | Promise<T>;

/**
 * The verdict of the view's predicate on a row. A row of another version is expired, and one of a compatible version is
 * at least stale. A row with `seq` is one of release 0.1, whose mark may be in a run; it counts as `view.unjudged`.
 */
function judge(ctx: AnyQueryCtx, view: ViewDefinition, row: Row & Pick<StoredRow, "seq">): MaybeLater<Verdict> {
  const isCompatible = view.compatible.includes(row.version);
  if (row.version !== view.version && !isCompatible) return "expired";
  if (row.seq !== undefined) return view.unjudged;
  const verdict = view.staleWhen.judge(sightOf(ctx, view, isUnknown(view, row) ? { ...row, dirtyAt: 0 } : row));
  const outdated = (seen: Verdict) => (isCompatible && seen === "fresh" ? "stale" : seen);
  return typeof verdict === "string" ? outdated(verdict) : verdict.then(outdated);
}

/**
 * Whether a row's dependencies are unknown: it was committed before they were recorded, or over another view's old
 * version.
 */
function isUnknown(view: ViewDefinition, { tracked }: Row): boolean {
  if (!tracked) return isRecorded(view);
  return Object.entries(tracked.over ?? {}).some(([name, version]) => view.siblings?.get(name)?.version !== version);
}

/** What a predicate looks at. Every read of a row makes one, so it prepares only what the predicate asks for. */
function sightOf(ctx: AnyQueryCtx, view: ViewDefinition, row: Row): Sight {
  let asked: Promise<boolean> | undefined;
  // Asked once, also when `staleWhen` and `expiredWhen` both ask.
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
 * As `judge`, for readers. When a predicate throws, that is logged, and the row counts as stale, or as expired in a
 * view with `expiredWhen`. Returns a promise only if the predicate does, because every read waits for it.
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

/** The results of a view's probes now, which a commit stores with the row; undefined when it has none. */
export async function probeTexts(ctx: AnyQueryCtx, view: ViewDefinition, key: unknown): Promise<string[] | undefined> {
  const { probes } = view.staleWhen;
  if (probes.length === 0) return undefined;
  return await Promise.all(probes.map((probe) => probeText(ctx, view, probe, key)));
}

async function probeText(ctx: AnyQueryCtx, { name }: ViewDefinition, probe: Probe, key: unknown): Promise<string> {
  const result = (await probe(withoutIdentity(ctx), key as never)) ?? null;
  return canonicalText(result, `view "${name}": the result of changed()`);
}
