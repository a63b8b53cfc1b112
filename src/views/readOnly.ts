import type { GenericDatabaseReader, GenericDataModel } from "convex/server";
import { omit } from "convex-helpers";
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
  // A mutation's ctx has these two as well.
  const queryCtx = omit(ctx as AnyQueryCtx & { scheduler?: unknown; runMutation?: unknown }, [
    "scheduler",
    "runMutation",
  ]);
  return { ...queryCtx, db: reader };
}
