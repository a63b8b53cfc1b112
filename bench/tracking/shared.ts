import type { Isolates } from "../../tests/simulation/engine/backend";
import { SHARED_KEY } from "../costs/app/strategies/lazy";
import { meteredBackend } from "../costs/meteredBackend";
import type { Deployment } from "../costs/player";
import type { Taken } from "./app";

/** The costs when very many rows of a tracked view depend on one document. */
export interface SharedFigures {
  rows: number;
  /** The first recompute of the last row. */
  recompute: Taken;
  /** The recompute at which the rows begin to share the dependency. */
  dearestRecompute: Taken;
  /** A write to the document. */
  write: Taken;
  /** A hit of one of the rows. */
  hit: Taken;
}

/** The number of rows whose staleness is checked. */
const LOOKED_AT = 50;

/**
 * Computes rows that depend on one document, and then writes it.
 *
 * @throws Error when a row is still fresh after that write.
 */
export async function measureShared(rows: number, isolates: Isolates<Deployment>): Promise<SharedFigures> {
  const { backend, clock, meter } = meteredBackend("lazyShared", isolates);
  meter.start();
  const taken = async (run: Promise<unknown>): Promise<Taken> => {
    const before = { ...meter.amounts };
    await clock.passUntil(run);
    const { documentsRead, documentsWritten, indexRanges } = meter.amounts;
    return [
      documentsRead - before.documentsRead,
      documentsWritten - before.documentsWritten,
      indexRanges - before.indexRanges,
    ];
  };
  const recompute = (i: number) =>
    taken(backend.mutation("lazy:recompute", { job: { kind: "attempt", view: "totals", args: { key: nameOf(i) } } }));
  const write = () => taken(backend.mutation("app:correct", { key: SHARED_KEY, amount: 1 }));
  const isStale = async (i: number) => {
    const { lines } = await clock.passUntil(backend.query("app:read", { key: nameOf(i) }));
    return lines.length > 0;
  };

  await taken(backend.mutation("app:add", { key: SHARED_KEY, amount: 1 }));
  const recomputes: Taken[] = [];
  for (let i = 0; i < rows; i++) recomputes.push(await recompute(i));
  const ofWrite = await write();
  for (let i = 0; i < rows; i += Math.ceil(rows / LOOKED_AT)) {
    if (!(await isStale(i))) throw new Error(`row ${i} is fresh after a write to what it depends on.`);
  }
  clock.now += 3_600_000;
  await recompute(0);
  if (await isStale(0)) throw new Error("a row is stale right after its recompute.");
  return {
    rows,
    recompute: recomputes.at(-1) as Taken,
    dearestRecompute: recomputes.reduce((a, b) => (b[0] > a[0] ? b : a)),
    write: ofWrite,
    hit: await taken(backend.query("app:read", { key: nameOf(0) })),
  };
}

function nameOf(row: number): string {
  return `key${row}`;
}
