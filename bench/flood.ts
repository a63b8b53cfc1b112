import { collectEffects, deliverEffects } from "convex-lazy-views/test";
import { Recording } from "../examples/backend/recorder";
import { randomNumbers } from "../tests/simulation/engine/choices";
import { type App, scheduledJobs, settle, startApp } from "./app";
import { api } from "./convex/_generated/api.js";
import { computations } from "./convex/computations";
import schema from "./convex/schema";
import { totals } from "./convex/totals";
import { shuffled } from "./random";
import { withTimersHeld } from "./timers";

export interface FloodSizes {
  keys: number;
  readsPerKey: number;
  /** Events in one request of the log stream; Convex sends up to 128. */
  batchSize: number;
  /** The share of messages that arrive twice. */
  repeated: number;
  seed: number;
}

/** What many stale reads cause. */
export interface FloodFigures {
  /** Query executions that found a stale row and raised an effect. */
  staleReads: number;
  /** Messages that arrived, repeated ones included. */
  messages: number;
  batches: number;
  /** Executions of `compute`. */
  recomputes: number;
  /** New values of the rows' `asOf`, counted after the deliveries of each half have settled. */
  commits: number;
  /** Scheduled recomputes, including those that wait for the end of a window. */
  recomputeJobs: number;
  /** Keys that are not fresh at the end. */
  keysLeftStale: number;
  /** Documents written by the dispatches of all batches, without scheduled functions. */
  documentsWritten: number;
  /** Batches without any new effect … */
  duplicateBatches: number;
  /** … and the documents that their dispatches wrote. */
  duplicateDocumentsWritten: number;
}

/**
 * Makes the rows of all keys stale, reads each many times, and delivers the lines that the reads logged as a log
 * stream might: in batches, out of order, some twice. The first half of the batches arrives before any recompute
 * starts, the second half after all recomputes that the first half started have ended.
 */
export async function measureFlood(sizes: FloodSizes): Promise<FloodFigures> {
  const t = startApp();
  const groups = Array.from({ length: sizes.keys }, (_, i) => `group ${i}`);
  await t.mutation(api.items.load, { groups, itemsPerGroup: 1 });
  await t.mutation(api.items.refresh, { groups });
  await t.mutation(api.items.touch, { groups });
  const committed = new Set<string>();
  await noteCommits(t, committed);
  const computedBefore = computations.count;

  const { messages, effects } = await collectEffects(async () => {
    for (let read = 0; read < sizes.readsPerKey; read++) {
      for (const group of groups) await t.query(api.reads.total, { group });
    }
  });
  const batches = toBatches(messages, sizes);
  const half = Math.ceil(batches.length / 2);
  const known = new Set<string>();
  const delivered: Delivered[] = [];
  await withTimersHeld(async () => {
    for (const batch of batches.slice(0, half)) delivered.push(await deliver(t, batch, known));
  });
  await settle(t);
  await noteCommits(t, committed);
  for (const batch of batches.slice(half)) delivered.push(await deliver(t, batch, known));
  await settle(t);
  await noteCommits(t, committed);

  const jobs = await scheduledJobs(t);
  const duplicates = delivered.filter(({ isNew }) => !isNew);
  return {
    staleReads: effects.length,
    messages: batches.flat().length,
    batches: batches.length,
    recomputes: computations.count - computedBefore,
    commits: committed.size - sizes.keys,
    recomputeJobs: jobs.filter(({ name }) => name === "lazy:recompute").length,
    keysLeftStale: await countNotFresh(t, groups),
    documentsWritten: sum(delivered.map(({ documentsWritten }) => documentsWritten)),
    duplicateBatches: duplicates.length,
    duplicateDocumentsWritten: sum(duplicates.map(({ documentsWritten }) => documentsWritten)),
  };
}

interface Delivered {
  /** Whether an effect arrived for the first time. */
  isNew: boolean;
  documentsWritten: number;
}

/** @param known - The messages that have arrived before: equal effects have equal messages. */
async function deliver(t: App, batch: readonly string[], known: Set<string>): Promise<Delivered> {
  const isNew = batch.some((message) => !known.has(message));
  for (const message of batch) known.add(message);
  const recording = new Recording(schema);
  await recording.observe(() => deliverEffects(t, batch));
  return { isNew, documentsWritten: recording.usage().documentsWritten };
}

function toBatches(messages: readonly string[], sizes: FloodSizes): string[][] {
  const random = randomNumbers(sizes.seed);
  const repeated = shuffled(messages, random).slice(0, Math.round(messages.length * sizes.repeated));
  const all = shuffled([...messages, ...repeated], random);
  return Array.from({ length: Math.ceil(all.length / sizes.batchSize) }, (_, i) =>
    all.slice(i * sizes.batchSize, (i + 1) * sizes.batchSize),
  );
}

/** Adds the commits of all keys: each commit of a key has another `asOf`. */
async function noteCommits(t: App, committed: Set<string>): Promise<void> {
  const rows = await t.run(async (ctx) => await ctx.db.query("totals").collect());
  for (const { key, asOf } of rows) committed.add(`${key} ${asOf}`);
}

async function countNotFresh(t: App, groups: readonly string[]): Promise<number> {
  return await t.run(async (ctx) => {
    const reads = await Promise.all(groups.map((group) => totals.peek(ctx, { group })));
    return reads.filter(({ state }) => state !== "fresh").length;
  });
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
