import {
  type GenericDataModel,
  type GenericQueryCtx,
  type GenericSchema,
  type PaginationOptions,
  paginationOptsValidator,
  queryGeneric,
  type SchemaDefinition,
} from "convex/server";
import { v } from "convex/values";
import { frames } from "../execution";
import type { FunctionSpec, Modules } from "../modules";

/** What the deployment's own functions report about an app or one of its components. */
export interface Subject {
  schema: SchemaDefinition<GenericSchema, boolean>;
  specs(): Promise<FunctionSpec[]>;
}

/**
 * The functions under `_system/` that the official command line calls. They are queries like any other, but only an
 * admin may call them, and neither the trace nor the log shows them.
 */
export function systemModules({ schema, specs }: Subject): Modules {
  const modules = {
    "_system/cli/convexUrl": {
      cloudUrl: queryGeneric({ args: {}, handler: async () => process.env.CONVEX_CLOUD_URL }),
    },
    "_system/cli/modules": {
      apiSpec: queryGeneric({
        args: { componentId: v.optional(v.union(v.string(), v.null())) },
        handler: specs,
      }),
    },
    "_system/cli/queryEnvironmentVariables": {
      default: queryGeneric({ args: {}, handler: async () => listVariables() }),
      get: queryGeneric({
        args: { name: v.string() },
        handler: async (_ctx, { name }) => {
          const value = process.env[name];
          return value === undefined ? null : { name, value };
        },
      }),
    },
    "_system/cli/tables": {
      default: queryGeneric({
        args: { paginationOpts: paginationOptsValidator },
        handler: async () => ({
          page: Object.keys(schema.tables).map((name) => ({ name })),
          isDone: true,
          continueCursor: "end",
        }),
      }),
    },
    "_system/cli/tableData": {
      default: queryGeneric({
        args: {
          table: v.string(),
          order: v.union(v.literal("asc"), v.literal("desc")),
          paginationOpts: paginationOptsValidator,
        },
        handler: tableData,
      }),
    },
  };
  return Object.fromEntries(Object.entries(modules).map(([name, module]) => [name, async () => module]));
}

async function tableData(
  { db }: GenericQueryCtx<GenericDataModel>,
  { table, order, paginationOpts }: { table: string; order: "asc" | "desc"; paginationOpts: PaginationOptions },
) {
  const query = table.startsWith("_") ? db.system.query(table as "_storage") : db.query(table);
  return await query.order(order).paginate(paginationOpts);
}

function listVariables() {
  const frame = frames.getStore();
  return frame?.kind === "execution" ? frame.listVariables() : [];
}
