import type { GenericDatabaseReader, GenericDataModel } from "convex/server";
import type { AnyQueryCtx } from "../staleness/predicate.js";

/** The ctx that `compute`, predicates and probes get, wherever they run: they only read. */
export function readOnly(ctx: AnyQueryCtx): AnyQueryCtx {
  const { db } = ctx;
  const reader = {
    get: db.get.bind(db),
    query: db.query.bind(db),
    normalizeId: db.normalizeId.bind(db),
    system: db.system,
  } as GenericDatabaseReader<GenericDataModel>;
  const { scheduler: _, runMutation: __, ...queryCtx } = ctx as AnyQueryCtx & MutationServices;
  return { ...queryCtx, db: reader };
}

/** What a mutation's ctx has beside a query's. */
type MutationServices = { scheduler?: unknown; runMutation?: unknown };
