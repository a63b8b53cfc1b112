import { collectEffects, deliverEffects } from "convex-lazy-views/test";
import { type App, startApp } from "./app";
import { api } from "./convex/_generated/api.js";
import { median } from "./random";
import { withTimersHeld } from "./timers";

/** Times of operations of the library / of bare ones in the same run; the medians of all rounds. */
export interface OverheadFigures {
  /** A query that reads a fresh row / one that reads a document. */
  hitQuery: number;
  /** A query that reads a stale row and raises an effect / one that reads a document. */
  staleQuery: number;
  /** A mutation that changes an item whose row is already stale / one with a raw builder. */
  sourceWrite: number;
  /** One of fifty new effects in a delivery / a mutation that finds and writes a document and schedules a function. */
  newEffect: number;
  /** One of fifty repeated effects in a delivery / a mutation that reads a document. */
  repeatedEffect: number;
}

const GROUP = "timed";
/** Effects in one delivery. A delivery of the log stream carries up to 128. */
const EFFECTS = 50;

/** @param rounds - Each runs an operation and the bare one once. */
export async function measureOverhead(rounds: number): Promise<OverheadFigures> {
  const fresh = await start(GROUP);
  const stale = await start(GROUP);
  await stale.mutation(api.items.touch, { groups: [GROUP] });
  const read = (t: App) => () => t.query(api.reads.total, { group: GROUP });
  const bareRead = (t: App) => () => t.query(api.reads.bareTotal, { group: GROUP });
  const deliveries: { many: App; messages: string[] }[] = [];
  const groups = Array.from({ length: EFFECTS }, (_, i) => `group ${i}`);
  for (let round = 0; round < rounds / EFFECTS; round++) {
    const many = await start(...groups);
    await many.mutation(api.items.touch, { groups });
    deliveries.push({ many, messages: await staleMessages(many, groups) });
  }
  const deliver = (round: number) => {
    const { many, messages } = deliveries[round] as (typeof deliveries)[number];
    return deliverEffects(many, messages);
  };
  const app = (round: number) => (deliveries[round] as (typeof deliveries)[number]).many;
  const each = (work: (round: number) => Promise<unknown>) => async (round: number) => {
    for (let i = 0; i < EFFECTS; i++) await work(round);
  };
  const dispatches = { newEffect: 0, repeatedEffect: 0 };
  await withTimersHeld(async () => {
    dispatches.newEffect = await ratio(
      deliveries.length,
      deliver,
      each((round) => app(round).mutation(api.items.writeAndSchedule, { group: "group 0" })),
    );
    dispatches.repeatedEffect = await ratio(
      deliveries.length,
      deliver,
      each((round) => app(round).mutation(api.items.readOne, { group: "group 0" })),
    );
  });
  return {
    hitQuery: await ratio(rounds, read(fresh), bareRead(fresh)),
    staleQuery: await ratio(rounds, quietly(read(stale)), quietly(bareRead(stale))),
    sourceWrite: await ratio(
      rounds,
      () => stale.mutation(api.items.changeWithSources, { group: GROUP }),
      () => stale.mutation(api.items.changeRaw, { group: GROUP }),
    ),
    ...dispatches,
  };
}

/** An app with one item, and a fresh row, for each group. */
async function start(...groups: string[]): Promise<App> {
  const t = startApp();
  await t.mutation(api.items.load, { groups, itemsPerGroup: 1 });
  await t.mutation(api.items.refresh, { groups });
  return t;
}

/** The messages that reads of stale rows log: one for each group. */
async function staleMessages(t: App, groups: readonly string[]): Promise<string[]> {
  const messages: string[] = [];
  for (const group of groups) {
    const raised = await collectEffects(() => t.query(api.reads.total, { group }));
    messages.push(...raised.messages);
  }
  return messages;
}

/** The same read, with its console lines dropped. */
function quietly(read: () => Promise<unknown>): () => Promise<unknown> {
  return () => collectEffects(read);
}

/** Runs both in turns, so that a slow phase of the process slows both. */
async function ratio(
  rounds: number,
  operation: (round: number) => Promise<unknown>,
  bare: (round: number) => Promise<unknown>,
): Promise<number> {
  const ratios: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const isFirst = round % 2 === 0;
    const first = await timed(() => (isFirst ? operation(round) : bare(round)));
    const second = await timed(() => (isFirst ? bare(round) : operation(round)));
    ratios.push(isFirst ? first / second : second / first);
  }
  return median(ratios);
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}
