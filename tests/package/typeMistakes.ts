/** A mistake that TypeScript finds. */
export interface Mistake {
  /** A program whose only error is marked, as in `{ «window»: 30 }`. */
  code: string;
  /** The text of the error, which names the mistake or the expected type. */
  text: RegExp;
  /** Whether it is a mistake only under `exactOptionalPropertyTypes`. */
  isExact?: boolean;
  /** The report of the oldest TypeScript, when it differs, with its place. */
  oldest?: { code: string; text: RegExp };
}

/** The beginning of each program. */
export const PREAMBLE = `
import { anyOf, changed, defineView, invalidated, LazyViews, olderThan, viewTable } from "convex-lazy-views";
import { v } from "convex/values";
import type { DataModel, Doc } from "./convex/_generated/dataModel";
import type { ActionCtx, MutationCtx, QueryCtx } from "./convex/_generated/server";
import { airportStats, airportStatsTable } from "./convex/airportStats";
const table = viewTable({ key: { airport: v.string() }, value: { flights: v.number(), delay: v.number() } });
const count = async (ctx: QueryCtx) => (await ctx.db.query("flights").collect()).length;
`;

/** A view with these options, its table, and a `compute` whose parameters TypeScript infers. */
const view = (options: string) => `
export const airports = defineView("airports", {
  table,
  ${options},
  compute: async (ctx: QueryCtx, { airport }) => ({ flights: await count(ctx), delay: airport.length }),
});`;

/** A view with these options in place of `compute`. */
const computing = (options: string) => `
export const airports = defineView("airports", {
  table,
  ${options},
});`;

const wiring = (views: string, dataModel = "DataModel") => `
export const lazy = new LazyViews<${dataModel}>({ module: "lazy", views: { ${views} } });`;

export const MISTAKES: Mistake[] = [
  // Values.
  {
    code: computing('«compute»: async (ctx: QueryCtx, { airport }) => ({ flights: await count(ctx), delay: "12" })'),
    text: /'delay' are incompatible\.\s+Type 'string' is not assignable to type 'number'/,
  },
  {
    code: computing("«compute»: async (ctx: QueryCtx, { airport }) => ({ flights: await count(ctx) })"),
    text: /Property 'delay' is missing in type '{ flights: number; }' but required/,
  },
  {
    code: computing("compute: () => «({ flights: 1 })»"),
    text: /Property 'delay' is missing in type '{ flights: number; }' but required/,
  },
  {
    code: computing(`mode: "action", «compute»: async (ctx: ActionCtx) => ({ flights: 1, delay: "12" })`),
    text: /'delay' are incompatible\.\s+Type 'string' is not assignable to type 'number'/,
  },
  // Keys.
  {
    code: computing("compute: async (ctx: QueryCtx, { «city» }) => ({ flights: await count(ctx), delay: 2 })"),
    text: /Property 'city' does not exist on type '{ airport: string; }'/,
  },
  {
    code: view('sources: { «flights»: (flight: Doc<"flights">) => [{ city: flight.origin }] }'),
    text: /Property 'airport' is missing in type '{ city: string; }' but required/,
  },
  {
    code: view("«staleWhen»: changed((_ctx: QueryCtx, { city }: { city: string }) => city)"),
    text: /Property 'city' is missing in type '{ airport: string; }' but required/,
  },
  // Parameters.
  {
    code: computing("«compute»: async (ctx: MutationCtx) => ({ flights: await count(ctx), delay: 2 })"),
    text: /parameters 'ctx' and 'ctx' are incompatible.*is missing the following properties.*scheduler/s,
  },
  {
    code: computing("«compute»: async (ctx: ActionCtx) => ({ flights: 1, delay: 2 })"),
    text: /parameters 'ctx' and 'ctx' are incompatible.*is missing the following properties.*runAction/s,
  },
  {
    code: computing('mode: "action", «compute»: async (ctx: QueryCtx) => ({ flights: await count(ctx), delay: 2 })'),
    text: /parameters 'ctx' and 'ctx' are incompatible/,
  },
  {
    code: computing(
      'compute: async (ctx: QueryCtx) => { await ctx.db.«delete»("x" as never); return { flights: 1, delay: 2 }; }',
    ),
    text: /Property 'delete' does not exist on type 'GenericDatabaseReader/,
  },
  {
    code: computing(
      'compute: async (ctx) => ({ flights: (await ctx.«db».query("flights").take(9)).length, delay: 2 })',
    ),
    text: /annotate ctx, as in \(ctx: QueryCtx, …\)/,
  },
  {
    code: view("sources: { flights: (flight) => [{ airport: flight.«origin» }] }"),
    text: /Property 'origin' does not exist on type .*annotate the document: \(order: Doc<'orders'>\)/,
    oldest: {
      code: view("sources: { flights: («flight») => [{ airport: flight.origin }] }"),
      text: /Parameter 'flight' implicitly has an 'any' type/,
    },
  },
  // Options.
  { code: view("«stalewhen»: invalidated()"), text: /'stalewhen' does not exist in type 'ViewOptions</ },
  { code: view("window: { «second»: 30 }"), text: /Did you mean to write 'seconds'\?/ },
  { code: view("«window»: 30"), text: /Type 'number' has no properties in common with type .Duration./ },
  { code: view('staleWhen: olderThan(«"1h"»)'), text: /"1h".* has no properties in common with type .Duration./ },
  { code: view("staleWhen: anyOf(invalidated(), «3»)"), text: /'number' is not assignable to .* 'Staleness</ },
  { code: view('«mode»: "fast"'), text: /Type '"fast"' is not assignable to type 'Mode/ },
  { code: view("«tags»: ({ airport }) => airport"), text: /Type 'string' is not assignable to type 'string\[\]'/ },
  { code: view("«timeout»: { minutes: 1 }"), text: /'timeout' does not exist in type/ },
  {
    code: computing('mode: "action", «onMissing»: "compute", compute: async () => ({ flights: 1, delay: 2 })'),
    text: /Type '"compute"' is not assignable to type '"null"/,
  },
  // For a value of any type, TypeScript reports this mistake at the whole object.
  ...["window", "staleWhen"].map((option) => ({
    code: view(`${option}: undefined`).replace("{", "«{»"),
    text: new RegExp(`property '${option}' are incompatible\\.\\s+Type 'undefined' is not assignable to type`),
    isExact: true,
  })),
  {
    code: '\nexport const airports = defineView("airports", «{ table }»);',
    text: /Property 'compute' is missing in type/,
  },
  {
    code: '\nexport const airports = defineView("airports", { «table»: {}, compute: () => ({ flights: 1 }) });',
    text: /Type '{}' is missing the following properties from type 'TableDefinition</,
  },
  // Pages.
  {
    code: `
export const airports = defineView("airports", «{»
  table,
  mode: "paged",
  page: (ctx: QueryCtx, _key, paginationOpts) => ctx.db.query("flights").paginate(paginationOpts),
  initial: () => 0,
  reduce: (total) => total + 1,
});`,
    text: /Property 'finish' is missing in type/,
  },
  {
    code: computing(`mode: "paged",
  page: (ctx: QueryCtx, _key, paginationOpts) => ctx.db.query("flights").paginate(paginationOpts),
  initial: () => 0,
  reduce: (total, { «dely» }) => total + dely,
  finish: (total) => ({ flights: total, delay: total })`),
    text: /Property 'dely' does not exist on type/,
  },
  {
    code: computing(`mode: "paged",
  page: (ctx: QueryCtx, _key, paginationOpts) => ctx.db.query("flights").paginate(paginationOpts),
  initial: () => 0,
  reduce: (total, { delay }) => total + delay,
  «finish»: (total) => ({ flights: total })`),
    text: /Property 'delay' is missing in type '{ flights: number; }' but required/,
  },
  // The wiring.
  {
    code: `${view("version: 2")}${wiring("airportStats, «airports»")}`,
    text: /Property 'airports' is missing in type .* but required in type 'Record<"airports", Row</,
  },
  {
    code: `
const typo = defineView("airportStatz", { table: airportStatsTable, compute: () => ({ flights: 1, meanDelay: 2 }) });
${wiring("«typo»")}`,
    text: /Property 'airportStatz' is missing in type .* but required in type 'Record<"airportStatz", Row</,
  },
  {
    code: `
const plain = defineView("flights", { table, compute: () => ({ flights: 1, delay: 2 }) });${wiring("«plain»")}`,
    text: /'flights' are incompatible/,
  },
  {
    code: `
const misspelt = defineView("airportStats", {
  table: airportStatsTable,
  sources: { flihgts: (flight: Doc<"flights">) => [{ airport: flight.origin }] },
  compute: () => ({ flights: 1, meanDelay: 2 }),
});${wiring("«misspelt»")}`,
    text: /Property 'flihgts' is missing in type/,
  },
  {
    code: '\nexport const lazy = new LazyViews<Omit<DataModel, "lazyRuns">>(«{ module: "lazy", views: { airportStats } }»);',
    text: /"Add \.\.\.lazyTables to defineSchema in convex\/schema\.ts"' is missing in type/,
  },
  {
    code: '\nexport const lazy = new LazyViews<DataModel>({ «modul»: "lazy", views: { airportStats } });',
    text: /'modul' does not exist in type/,
  },
];
