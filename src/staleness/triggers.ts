import type { GenericDataModel, GenericMutationCtx } from "convex/server";
import { Triggers } from "convex-helpers/server/triggers";
import { frugalWriter } from "./frugalWriter.js";
import { isFrugal } from "./sources.js";
import type { Writes } from "./writes.js";

/**
 * The ctx of a mutation with triggers. `Triggers` reads a document before every write that names its table; writes to
 * tables that have no triggers are spared that.
 *
 * @param writes - Told of the others.
 */
export function withTriggers<Ctx extends GenericMutationCtx<GenericDataModel>>(
  triggers: Triggers<GenericDataModel>,
  ctx: Ctx,
  writes: Writes,
): Ctx {
  const writer = frugalWriter(ctx.db, (table) => isFrugal(triggers, table));
  const wrapped = withInnerDb(triggers, ctx.db).wrapDB({ ...ctx, db: writer });
  const route =
    (name: "insert" | "patch" | "replace" | "delete", argumentsWithTable: number) =>
    async (...args: unknown[]) => {
      const table = args.length === argumentsWithTable ? String(args[0]) : undefined;
      const isSpared = table !== undefined && !triggers.registered[table];
      const db = isSpared ? ctx.db : wrapped.db;
      const write = () => (db[name] as (...args: unknown[]) => Promise<unknown>).apply(db, args);
      return await (isSpared ? write() : writes.during(table, write));
    };
  const db = {
    ...wrapped.db,
    get: ctx.db.get.bind(ctx.db),
    insert: route("insert", 2),
    patch: route("patch", 3),
    replace: route("replace", 3),
    delete: route("delete", 2),
  };
  return { ...wrapped, db: db as Ctx["db"] };
}

/** The same triggers, whose `innerDb` is the database itself. */
function withInnerDb(
  triggers: Triggers<GenericDataModel>,
  innerDb: GenericMutationCtx<GenericDataModel>["db"],
): Triggers<GenericDataModel> {
  const own = new Triggers<GenericDataModel>();
  for (const [table, registered] of Object.entries(triggers.registered)) {
    for (const trigger of registered ?? []) {
      own.register(table, (ctx, change) => trigger({ ...ctx, innerDb }, change as never));
    }
  }
  return own;
}
