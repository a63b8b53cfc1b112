import { type Form, type MutationCtx, startFlights, type Taken } from "./app";

/** The costs of each operation, by form of the view. */
export type OperationFigures = Record<Operation, Record<Form, Taken>>;

export type Operation = keyof ReturnType<typeof operations>;
type App = ReturnType<typeof startFlights>;

const ROUTE = { origin: "SFO", destination: "JFK", delay: 5 };
/** Flights of SFO and of JFK. */
const FLIGHTS = 5;

/** The same operations on the rollup of flights with declared sources, and tracked. */
export async function measureOperations(): Promise<OperationFigures> {
  const [declared, tracked] = [await measureForm("declared"), await measureForm("tracked")];
  const names = Object.keys(tracked) as Operation[];
  const both = names.map((name) => [name, { declared: declared[name], tracked: tracked[name] }]);
  return Object.fromEntries(both) as OperationFigures;
}

async function measureForm(form: Form): Promise<Record<Operation, Taken>> {
  const taken: Partial<Record<Operation, Taken>> = {};
  for (const name of Object.keys(operations(startFlights(form))) as Operation[]) {
    const app = startFlights(form);
    await app.mutation(async (ctx) => {
      for (let i = 0; i < FLIGHTS; i++) await ctx.db.insert("flights", ROUTE);
    });
    await refresh(app, "SFO", "JFK", "LAX");
    taken[name] = await operations(app)[name]();
  }
  return taken as Record<Operation, Taken>;
}

/** The operations of an app with five flights from SFO to JFK, and fresh rows of SFO, JFK and LAX. */
function operations(app: App) {
  const { view } = app;
  const mutation = async (own: (ctx: MutationCtx) => Promise<unknown>) => (await app.mutation(own)).taken;
  const first = async (ctx: MutationCtx) => {
    const flight = await ctx.db.query("flights").first();
    if (flight === null) throw new Error("there is no flight.");
    return flight._id;
  };
  /** The costs of a write, without those of finding its document. */
  const write = async (own: (ctx: MutationCtx, id: Awaited<ReturnType<typeof first>>) => Promise<unknown>) => {
    let id: Awaited<ReturnType<typeof first>> | undefined;
    await app.mutation(async (ctx) => (id = await first(ctx)));
    return await mutation(async (ctx) => await own(ctx, id as never));
  };
  const insert = (ctx: MutationCtx) => ctx.db.insert("flights", ROUTE);
  return {
    hit: async () => (await app.query((ctx) => view.get(ctx, { airport: "SFO" }))).taken,
    insertIntoFresh: () => mutation(insert),
    insertIntoStale: async () => {
      await mutation(insert);
      return await mutation(insert);
    },
    insertWithoutRows: () =>
      mutation((ctx) => ctx.db.insert("flights", { ...ROUTE, origin: "OAK", destination: "EWR" })),
    tenInserts: () =>
      mutation(async (ctx) => {
        for (let i = 0; i < 10; i++) await insert(ctx);
      }),
    patch: () => write((ctx, id) => ctx.db.patch("flights", id, { delay: 9 })),
    delete: () => write((ctx, id) => ctx.db.delete("flights", id)),
    move: () => write((ctx, id) => ctx.db.patch("flights", id, { destination: "LAX" })),
    unrelatedWrite: () => mutation((ctx) => ctx.db.insert("notes", { text: "unrelated" })),
    firstRecompute: async () => {
      await mutation((ctx) => view.evict(ctx, { airport: "SFO" }));
      return await mutation((ctx) => view.refresh(ctx, { airport: "SFO" }));
    },
    recompute: () => mutation((ctx) => view.refresh(ctx, { airport: "SFO" })),
    evict: () => mutation((ctx) => view.evict(ctx, { airport: "SFO" })),
  };
}

async function refresh({ view, mutation }: App, ...airports: string[]): Promise<void> {
  for (const airport of airports) await mutation((ctx) => view.refresh(ctx, { airport }));
}
