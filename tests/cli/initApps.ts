/* Apps before `init`, as files of a functions folder. */

const VIEW = `import { v } from "convex/values";
import { defineView, viewTable } from "convex-lazy-views";
import type { QueryCtx } from "./_generated/server";

export const countsTable = viewTable({ key: {}, value: { users: v.number() } });

export const counts = defineView("counts", {
  table: countsTable,
  compute: async (ctx: QueryCtx) => ({ users: (await ctx.db.query("users").collect()).length }),
});
`;

const USERS = `import { v } from "convex/values";
import { query } from "./_generated/server";

export const list = query({ args: { name: v.string() }, handler: async (ctx) => await ctx.db.query("users").collect() });
`;

/** Apps that `init` can wire. Each has a schema with a table `users`, or no schema. */
export const APPS: Record<string, Record<string, string>> = {
  "nothing yet": {},

  "functions, no schema, no http.ts": { "counts.ts": VIEW, "users.ts": USERS },

  "Convex Auth's template": {
    "auth.ts": `import { Password } from "@convex-dev/auth/providers/Password";
import { convexAuth } from "@convex-dev/auth/server";

export const { auth, signIn, signOut, store, isAuthenticated } = convexAuth({
  providers: [Password],
});
`,
    "http.ts": `import { httpRouter } from "convex/server";
import { auth } from "./auth";

const http = httpRouter();

auth.addHttpRoutes(http);

export default http;
`,
    "schema.ts": `import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";
import { authTables } from "@convex-dev/auth/server";

// The schema is normally optional, but Convex Auth
// requires indexes defined on \`authTables\`.
// The schema provides more precise TypeScript types.
export default defineSchema({
  ...authTables,
  numbers: defineTable({
    value: v.number(),
  }),
});
`,
    "counts.ts": VIEW,
  },

  "routes of its own, and options of the schema": {
    "http.ts": `import { httpRouter } from 'convex/server'
import { httpAction } from './_generated/server'

const router = httpRouter()

router.route({
  path: '/postMessage',
  method: 'POST',
  handler: httpAction(async (ctx, request) => {
    const { author } = await request.json()
    return new Response(author, { status: 200 })
  }),
})

// Convex expects the router to be the default export of \`convex/http.js\`.
export default router
`,
    "schema.ts": `import { defineSchema, defineTable } from 'convex/server'
import { v } from 'convex/values'

export default defineSchema(
  {
    users: defineTable({ name: v.string() }).index('by_name', ['name']),
    messages: defineTable({ author: v.id('users') }), // who wrote it
    // more to come
  },
  { schemaValidation: true, strictTableNameTypes: false },
)
`,
    "counts.ts": VIEW,
  },

  "the schema as a constant, its tables too": {
    "schema.ts": `import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";

const tables = { users: defineTable({ name: v.string() }) } as const;

const schema = defineSchema(tables);

export default schema;
`,
    "http.ts": `import { httpRouter, type HttpRouter } from "convex/server";
const http = httpRouter(); export default http as HttpRouter;
`,
    "counts.ts": VIEW,
  },

  "CRLF, tabs, and endings in imports": {
    "schema.ts": `import { defineSchema, defineTable } from "convex/server";\r
import { userFields } from "./model/users.js";\r
\r
export default defineSchema({\r
\tusers: defineTable(userFields)\r
});\r
`,
    "model/users.ts": `import { v } from "convex/values";\r\n\r\nexport const userFields = { name: v.string() };\r\n`,
    "model/counts.ts": VIEW.replace("./_generated/server", "../_generated/server.js"),
  },

  "views, tables and names that collide": {
    "a/stats.ts": VIEW.replaceAll("counts", "stats").replaceAll("./_gen", "../_gen"),
    "b/stats.ts": VIEW.replace('"counts"', '"other_stats"')
      .replaceAll("counts", "stats")
      .replaceAll("./_gen", "../_gen"),
    "b/query.ts": VIEW.replaceAll("counts", "query").replaceAll("./_gen", "../_gen"),
    "b/index.ts": `export * from "./stats";\nexport { query as asked } from "./query";\n`,
    "lazy.ts": `import { LazyViews } from "convex-lazy-views";
import type { DataModel } from "./_generated/dataModel";
import { query as rawQuery } from "./_generated/server";
import { stats } from "./b";

const lazyViews = new LazyViews<DataModel>({
  module: "lazy", // the name of this file
  views: { stats },
});

export const query = lazyViews.query(rawQuery);
export const { recompute, dispatch, inspect } = lazyViews.functions();
export { lazyViews as views };
`,
    "schema.ts": `import { defineSchema, defineTable } from "convex/server";
import * as lazy from "convex-lazy-views";
import { viewTables } from "./tables";
export default defineSchema({ users: defineTable({}), ...viewTables, ...lazy.lazyTables });
`,
    "tables.ts": `import { statsTable } from "./b";
export const viewTables = { other_stats: statsTable.index("by_users", ["value.users"]) };
`,
  },

  JavaScript: {
    "schema.js": `import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";

export default defineSchema({ users: defineTable({ name: v.string() }), });
`,
    "counts.js": VIEW.replace(/import type.*\n/, "").replace(": QueryCtx", ""),
  },

  "a wiring without views and functions": {
    "lazy.ts": `import { LazyViews } from "convex-lazy-views";
import type { DataModel } from "./_generated/dataModel";

export const lazy = new LazyViews<DataModel>({ module: "lazy", transports: ["logStream", "client"], views: {} });
`,
    "http.ts": `import { httpRouter } from "convex/server";
export default httpRouter();
`,
    "schema.ts": `import { defineSchema, defineTable } from "convex/server";
import { lazyTables } from "convex-lazy-views";
import { countsTable as countsRows } from "./counts";
export default defineSchema({
  counts: countsRows,
  users: defineTable({}),
  ...lazyTables,
});
`,
    "counts.ts": VIEW.replace(/import type.*\n/, "")
      .replace(/compute: .*/, "compute: async () => ({ users: 0 }),")
      .replace('"counts", {', '"counts", {\n  sources: { users: () => [{}] },\n  mode: "action",'),
  },
};

/** Stand-ins for packages that the apps import and that are not installed here. */
export const STUBS: Record<string, string> = {
  "@convex-dev/auth/server": `import { defineTable, type HttpRouter } from "convex/server";
import { v } from "convex/values";
export const authTables = { users: defineTable({ email: v.optional(v.string()) }) };
export const convexAuth = (_: object) => ({
  auth: { addHttpRoutes: (_: HttpRouter) => {} },
  signIn: 1, signOut: 1, store: 1, isAuthenticated: 1,
});
`,
  "@convex-dev/auth/providers/Password": "export const Password = {};\n",
};
