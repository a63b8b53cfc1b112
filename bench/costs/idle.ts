import type { Change } from "../../examples/backend/readSet";
import { Backend, type Isolates, type Observer } from "../../tests/simulation/engine/backend";
import { LogStream } from "../../tests/simulation/engine/logStream";
import { Subscriptions } from "../../tests/simulation/engine/subscriptions";
import { EVICT_AFTER_MS } from "./app/strategies/lazy";
import { Clockwork } from "./clockwork";
import { Meter } from "./meter";
import { type Deployment, EFFECTS_PATH, ENV, goodWeather, START } from "./player";

/** The costs of the idle clock for each row, per `evictAfter`. */
export interface IdleFigures {
  /** Of a watched row: writes of the row, documents written in all tables, and function calls. */
  watchedRowWrites: number;
  watchedDocumentsWritten: number;
  watchedFunctionCalls: number;
  /** Keys that were read once, and never again. */
  inventedKeys: number;
  /** Writes of such a key's row after the first commit, including its deletion. */
  inventedRowWrites: number;
  /** Function calls for all these keys, from the first commit to the last deletion. */
  inventedFunctionCalls: number;
  /** When the last of these rows was deleted, as a multiple of `evictAfter`. */
  inventedGoneAfter: number;
  /** The most documents that one transaction wrote. */
  mostWritten: number;
}

/** The number of watched rows, of `evictAfter` periods, and of keys that are read once. */
export interface IdleSizes {
  watched: number;
  rounds: number;
  invented: number;
}

/** Longer than log stream, dispatch and recompute of a key take together. */
const INTERVAL_MS = 10_000;

/** Measures a view with `evictAfter`: first with readers that watch rows, then with a client that invents keys. */
export async function measureIdle(sizes: IdleSizes, isolates: Isolates<Deployment>): Promise<IdleFigures> {
  const { clock, meter, subscriptions, written, rows, copyRow } = start(isolates);
  const watch = (i: number) => subscriptions.subscribe("app:read", { key: `watched ${i}` });
  for (let i = 0; i < sizes.watched; i++) watch(i);
  await clock.passTo(clock.now + EVICT_AFTER_MS);
  meter.start();
  const before = { rowWrites: written.rows, ...meter.amounts };
  await clock.passTo(clock.now + sizes.rounds * EVICT_AFTER_MS);
  const rounds = sizes.watched * sizes.rounds;
  const watched = {
    watchedRowWrites: (written.rows - before.rowWrites) / rounds,
    watchedDocumentsWritten: (meter.amounts.documentsWritten - before.documentsWritten) / rounds,
    watchedFunctionCalls: (meter.amounts.functionCalls - before.functionCalls) / rounds,
  };
  subscriptions.stop();
  await clock.passTo(clock.now + 2 * EVICT_AFTER_MS);
  if (rows() > 0) throw new Error(`${rows()} rows are left that nobody watches any more.`);

  subscriptions.ask("app:read", { key: "invented 0" });
  await clock.passTo(clock.now + INTERVAL_MS);
  copyRow(sizes.invented);
  const { functionCalls } = meter.amounts;
  const askedAt = clock.now;
  written.rows = 0;
  await clock.passTo(clock.now + 1.5 * EVICT_AFTER_MS);
  if (rows() > 0) throw new Error(`${rows()} rows of invented keys are left.`);
  return {
    ...watched,
    inventedKeys: sizes.invented,
    inventedRowWrites: written.rows / sizes.invented,
    inventedFunctionCalls: meter.amounts.functionCalls - functionCalls,
    inventedGoneAfter: (written.lastAt - askedAt) / EVICT_AFTER_MS,
    mostWritten: written.most,
  };
}

function start(isolates: Isolates<Deployment>) {
  const clock = new Clockwork(START);
  const meter = new Meter();
  const written = { rows: 0, most: 0, lastAt: START };
  const observer: Observer<Deployment> = {
    onCommit: (commit) => {
      const isRow = ({ table }: Change) => table === "totals";
      const rowWrites = commit.changes.filter(isRow).length;
      written.rows += rowWrites;
      if (rowWrites > 0) written.lastAt = commit.committedAt;
      written.most = Math.max(written.most, commit.changes.length);
      subscriptions.onCommit(commit);
    },
    onEnd: (kind, ended) => {
      meter.onEnd(kind, ended);
      if (kind !== "query" && "error" in ended.result) throw ended.result.error;
    },
    onConflict() {},
  };
  const deployment: Deployment = { strategy: "lazyEvicting" };
  const backend = new Backend(
    isolates,
    deployment,
    clock,
    { pick: () => 0 },
    goodWeather(() => 0),
    observer,
  );
  backend.env = ENV;
  const stream = new LogStream(
    clock,
    ENV.LAZY_VIEWS_STREAM_SECRET,
    (request) => backend.fetch(EFFECTS_PATH, request),
    () => [0],
    () => {},
  );
  const subscriptions: Subscriptions<Deployment> = new Subscriptions(
    backend,
    (events) => {
      if (events.length > 0) stream.push(events);
    },
    () => {},
  );
  const { store } = backend;
  const rows = () => [...store.scan("totals", store.latest)].length;
  /** Copies the one row to `count` keys, as a recompute of each would store it. */
  const copyRow = (count: number) => {
    const [first] = [...store.scan("totals", store.latest)];
    const { _id, _creationTime, ...row } = (first as NonNullable<typeof first>).document;
    const writes = Array.from({ length: count - 1 }, (_, i) => {
      const args = { key: `invented ${i + 1}` };
      const document = store.create("totals", { ...row, args, key: JSON.stringify(args) }, clock.now);
      return { table: "totals", id: document._id as string, stored: { document } };
    });
    store.commit(writes, { path: "load", begunAt: clock.now, committedAt: clock.now });
  };
  return { clock, meter, subscriptions, written, rows, copyRow };
}
