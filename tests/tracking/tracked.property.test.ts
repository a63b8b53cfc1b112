import { anyApi, type FunctionReference, mutationGeneric } from "convex/server";
import { v } from "convex/values";
import { defineView, viewTable } from "convex-lazy-views";
import fc from "fast-check";
import { afterEach, expect, test } from "vitest";
import { SEED } from "../seed.js";
import { endTestApp, type MutationCtx, type QueryCtx, startTestApp } from "../testApp.js";
import { crowd } from "./crowd.js";
import {
  documentTables,
  FIRST_DOCUMENTS,
  type Known,
  pagedProgram,
  perform,
  program,
  type Read,
  type Reader,
  TABLES,
} from "./randomReads.js";
import { document, type Event, event, ROWS, type Step, type Write, write } from "./randomWrites.js";

afterEach(endTestApp);

const programsTable = viewTable({ key: { program: v.number(), reader: v.number() }, value: v.any() });
const runSteps = anyApi.sub?.run as FunctionReference<"mutation">;

/** An app with a tracked view whose computes run programs. The last program paginates. */
function start(programs: readonly Read[][]) {
  const known: Known = { ids: [], creationTimes: [] };
  /** The ids of all documents that were ever inserted. */
  const ids: string[] = [];
  const keyOf = (row: number) => ({ program: row % programs.length, reader: Math.floor(row / programs.length) });
  const isPaged = (row: number) => keyOf(row).program === programs.length - 1;
  const computed = (ctx: Reader, { program }: { program: number }) => perform(ctx, programs[program] ?? [], known);
  const view = defineView("programs", { table: programsTable, compute: computed });

  let hasPaginated = false;
  const step = async (ctx: MutationCtx, step: Step): Promise<void> => {
    switch (step.do) {
      case "refresh":
        if (isPaged(step.row) && hasPaginated) return;
        hasPaginated ||= isPaged(step.row);
        return void (await view.refresh(ctx, keyOf(step.row)));
      case "invalidate":
        return await view.invalidate(ctx, keyOf(step.row));
      case "evict":
        return void (await view.evict(ctx, keyOf(step.row)));
      case "one by one":
        return await stepAll(ctx, step.steps);
      case "side by side":
        return void (await Promise.all(step.steps.map((each) => oneStep(ctx, each))));
      case "sub-mutation":
        return void (await ctx.runMutation(runSteps, { steps: step.steps, throws: false }));
      case "sub-mutation that throws":
        return void (await ctx.runMutation(runSteps, { steps: step.steps, throws: true }).catch(() => {}));
      default:
        return await write(ctx, step satisfies Write, ids);
    }
  };
  const oneStep = step;
  const stepAll = async (ctx: MutationCtx, steps: readonly Step[]) => {
    for (const each of steps) await step(ctx, each);
  };

  const app = startTestApp({
    tables: { ...documentTables, programs: programsTable },
    views: { view },
    build: (lazy) => ({
      sub: {
        run: lazy.mutation(mutationGeneric)({
          args: { steps: v.any(), throws: v.boolean() },
          handler: async (ctx, { steps, throws }) => {
            await stepAll(ctx as unknown as MutationCtx, steps);
            if (throws) throw new Error("on purpose");
          },
        }),
      },
    }),
  });
  const mutation = (work: (ctx: MutationCtx) => Promise<unknown>) => {
    hasPaginated = false;
    return app.mutation(work);
  };
  /** Compares a fresh row with the result of its compute. Returns the row's state. */
  const compare = async (ctx: QueryCtx | MutationCtx, row: number) => {
    const { state, value } = await view.peek(ctx, keyOf(row));
    if (state === "fresh") expect(value, `row ${row}`).toEqual(await computed(ctx, keyOf(row)));
    return state;
  };
  return { ...app, view, ids, known, keyOf, isPaged, stepAll, mutation, compare };
}

/** How often the runs saw each case, to check that all cases occur. */
const seen = { fresh: 0, stale: 0, shared: 0 };

async function runHistory(programs: readonly Read[][], first: readonly Step[], events: readonly Event[]) {
  const app = start(programs);
  const { ids, known, mutation, view } = app;
  for (const each of first) {
    await mutation((ctx) => app.stepAll(ctx, [each]));
    await app.advance(1);
  }
  known.ids = ids.slice(0, FIRST_DOCUMENTS);
  known.creationTimes = await app.query(async (ctx) => {
    const documents = await Promise.all(known.ids.map((id) => ctx.db.get(id as never)));
    return documents.map((document) => Number(document?._creationTime));
  });

  const refreshAll = async () => {
    for (let row = 0; row < ROWS; row++) {
      const { state } = await app.testing.peek(view, app.keyOf(row));
      if (state !== "fresh") await mutation((ctx) => view.refresh(ctx, app.keyOf(row)));
    }
  };
  const happen = async (event: Event) => {
    if (event.do === "refresh all") return await refreshAll();
    if (event.do === "crowd") {
      const row = await crowd<ReturnType<typeof app.keyOf>>(app, event.dependency);
      if (row) await mutation((ctx) => view.evict(ctx, row.key));
      if (row) await mutation((ctx) => view.refresh(ctx, row.key));
      return;
    }
    const throws = event.do === "mutation that throws";
    const done = mutation(async (ctx) => {
      await app.stepAll(ctx, event.steps);
      for (let row = 0; row < ROWS; row++) if (!app.isPaged(row)) await app.compare(ctx, row);
      if (throws) throw new Error("in the end");
    });
    if (throws) await expect(done).rejects.toThrow("in the end");
    else await done;
  };
  const check = async () => {
    for (let row = 0; row < ROWS; row++) {
      const state = await app.query((ctx) => app.compare(ctx, row));
      if (state === "fresh" || state === "stale") seen[state]++;
    }
    const rows = (await app.rows("programs")) as { tracked?: { shared?: string[] } }[];
    seen.shared += rows.filter(({ tracked }) => tracked?.shared !== undefined).length;
  };
  await refreshAll();
  for (let row = 0; row < ROWS; row++) await app.testing.expectState(view, app.keyOf(row), "fresh");
  await check();
  for (const event of events) {
    await happen(event);
    await check();
  }
}

test("a fresh row is equal to what compute returns now, whatever computes read and mutations write", async () => {
  const documents = fc.tuple(fc.constantFrom(...TABLES), document).map(
    ([table, document]): Step => ({
      do: "insert",
      table,
      document,
    }),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.tuple(program, program, program, program, program, pagedProgram),
      fc.array(documents, { minLength: FIRST_DOCUMENTS, maxLength: FIRST_DOCUMENTS }),
      fc.array(event, { minLength: 3, maxLength: 10 }),
      async (programs, first, events) => {
        await runHistory(programs, first, events);
        endTestApp();
      },
    ),
    { seed: 11 * SEED, numRuns: 60 },
  );
  expect(Math.min(seen.fresh, seen.stale, seen.shared)).toBeGreaterThan(50);
});
