import { createHash } from "node:crypto";
import { randomNumbers } from "../../tests/simulation/engine/choices";

/** Something that happens to an app, at a time in ms since the beginning. */
export type WorkloadEvent = { at: number; key: string } & (
  | { do: "add" | "correct"; amount: number }
  /** One read. */
  | { do: "read" }
  /** Clients subscribe, and stay until the end. */
  | { do: "watch"; clients: number }
);

/** The events, and the state before them. */
export interface Workload {
  /** Items that each key has at the beginning. */
  itemsPerKey: number;
  keys: string[];
  /** Whether every key was read before. */
  isWarm: boolean;
  events: WorkloadEvent[];
  /** When counting begins, in ms since the beginning. */
  countsFrom: number;
  /** When the workload ends, in ms since the beginning. */
  endsAt: number;
  /** When heartbeats begin, in ms since the beginning, in an app with a lazy view. */
  heartbeats?: number[];
}

/** Counting of watched keys begins after this time, when a lease has begun. */
const BEGUN_MS = 12_000;
/** The share of writes that correct an item; the others add one. */
const CORRECTIONS = 0.5;

interface MixOptions {
  keys: number;
  itemsPerKey: number;
  events: number;
  eventsPerSecond: number;
  /** The share of events that are reads. */
  reads: number;
  /** Whether all writes add an item. */
  addsOnly?: boolean;
  seed: number;
}

/** Reads and writes at random times; a few keys are popular (Zipf). */
export function mix(options: MixOptions): Workload {
  const random = randomNumbers(options.seed);
  const keys = keyNames(options.keys);
  const pick = zipf(keys, random);
  const events: WorkloadEvent[] = [];
  let at = 0;
  for (let i = 0; i < options.events; i++) {
    at += waitFor(options.eventsPerSecond, random);
    const key = pick();
    const corrections = options.addsOnly ? 0 : CORRECTIONS;
    const isRead = random() < options.reads;
    events.push(isRead ? { at, key, do: "read" } : write(at, key, random, corrections));
  }
  return { ...options, keys, isWarm: true, events, countsFrom: 0, endsAt: at };
}

/** Bursts of writes to one key, with quiet times between them; the key is read now and then. */
export function bursts(options: {
  itemsPerKey: number;
  bursts: number;
  writesPerBurst: number;
  seed: number;
}): Workload {
  const random = randomNumbers(options.seed);
  const keys = keyNames(1);
  const [key = ""] = keys;
  const events: WorkloadEvent[] = [];
  const periodMs = 60_000;
  for (let burst = 0; burst < options.bursts; burst++) {
    const start = burst * periodMs;
    for (let i = 0; i < options.writesPerBurst; i++) {
      events.push(write(start + random() * 2_000, key, random, CORRECTIONS));
    }
    for (let i = 0; i < 12; i++) events.push({ at: start + i * 5_000, key, do: "read" });
  }
  events.sort((a, b) => a.at - b.at);
  const endsAt = options.bursts * periodMs;
  return { ...options, keys, isWarm: true, events, countsFrom: 0, endsAt };
}

/** Many keys that were never read, each read once. */
export function coldKeys(options: { keys: number; itemsPerKey: number; seed: number }): Workload {
  const random = randomNumbers(options.seed);
  const keys = keyNames(options.keys);
  const endsAt = 300_000;
  const events = keys.map((key): WorkloadEvent => ({ at: random() * endsAt, key, do: "read" }));
  events.sort((a, b) => a.at - b.at);
  return { ...options, keys, isWarm: false, events, countsFrom: 0, endsAt };
}

/** One key that many watch, and that is written at random times. */
export function watched(options: {
  itemsPerKey: number;
  clients: number;
  writesPerSecond: number;
  seconds: number;
  /** Whether all writes add an item: two that correct the same one conflict in any strategy. */
  addsOnly?: boolean;
  seed: number;
}): Workload {
  const random = randomNumbers(options.seed);
  const keys = keyNames(1);
  const [key = ""] = keys;
  const { clients, writesPerSecond, seconds, addsOnly } = options;
  const endsAt = seconds * 1_000;
  const events: WorkloadEvent[] = [{ at: 0, key, do: "watch", clients }];
  for (let at = 0; at < endsAt; at += waitFor(writesPerSecond, random)) {
    events.push(write(at, key, random, addsOnly ? 0 : CORRECTIONS));
  }
  return { ...options, keys, isWarm: true, events, countsFrom: BEGUN_MS, endsAt };
}

/** An hour of an app whose users watch a dashboard of all keys. Without users and writes it is an hour at night. */
export function dashboard(options: {
  keys: number;
  itemsPerKey: number;
  /** Dashboards that stay open; `opened`: those that are opened in the hour. */
  open: number;
  opened: number;
  writes: number;
  heartbeats: number;
  seed: number;
}): Workload {
  const random = randomNumbers(options.seed);
  const keys = keyNames(options.keys);
  const pick = zipf(keys, random);
  const hourMs = 3_600_000;
  const countsFrom = 300_000;
  const events: WorkloadEvent[] = [];
  if (options.open > 0) for (const key of keys) events.push({ at: 0, key, do: "watch", clients: options.open });
  // The events of an hour, and proportionally many of the time before counting begins.
  const often = (perHour: number) => Math.round((perHour * (hourMs + countsFrom)) / hourMs);
  for (let i = 0; i < often(options.writes); i++) {
    events.push(write(random() * (hourMs + countsFrom), pick(), random, CORRECTIONS));
  }
  for (let i = 0; i < options.opened; i++) {
    const at = countsFrom + random() * hourMs;
    for (const key of keys) events.push({ at, key, do: "read" });
  }
  events.sort((a, b) => a.at - b.at);
  const every = hourMs / options.heartbeats;
  const heartbeats = Array.from({ length: options.heartbeats }, (_, i) => countsFrom + (i + 0.5) * every);
  return { ...options, keys, isWarm: true, events, countsFrom, endsAt: countsFrom + hourMs, heartbeats };
}

function write(at: number, key: string, random: () => number, corrections: number): WorkloadEvent {
  const amount = 1 + Math.floor(random() * 1_000);
  return { at, key, amount, do: random() < corrections ? "correct" : "add" };
}

/** The time to the next random event, in ms. */
function waitFor(eventsPerSecond: number, random: () => number): number {
  return (-Math.log(1 - random()) * 1_000) / eventsPerSecond;
}

function keyNames(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `key${i}`);
}

/** The n-th key is picked 1/n times as often as the first. */
function zipf(keys: readonly string[], random: () => number): () => string {
  const shares = keys.map((_, i) => 1 / (i + 1));
  const total = shares.reduce((sum, share) => sum + share, 0);
  return () => {
    let left = random() * total;
    const at = shares.findIndex((share) => {
      left -= share;
      return left < 0;
    });
    return keys.at(at) as string;
  };
}

/** A hash of the workload. */
export function digest(workload: Workload): string {
  return createHash("sha256").update(JSON.stringify(workload)).digest("hex").slice(0, 16);
}
