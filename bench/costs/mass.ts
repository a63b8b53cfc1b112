import type { Isolates } from "../../tests/simulation/engine/backend";
import { meteredBackend } from "./meteredBackend";
import { type Deployment, START } from "./player";

/** The cost of invalidating one tag. */
export interface MassFigures {
  rows: number;
  documentsRead: number;
  documentsWritten: number;
}

const LOOKED_AT = 100;

/**
 * Invalidates the tag that all rows of a view have.
 *
 * @throws Error when a row is still fresh for its readers.
 */
export async function invalidateRows(rows: number, isolates: Isolates<Deployment>): Promise<MassFigures> {
  const { backend, clock, meter } = meteredBackend("lazyTagged", isolates);
  const { store } = backend;
  const [value, asOf] = [{ count: 0, sum: 0 }, BigInt(START) * 1_000_000n];
  const writes = Array.from({ length: rows }, (_, i) => {
    const key = nameOf(i);
    const row = {
      key: JSON.stringify({ key }),
      args: { key },
      value,
      version: 1,
      asOf,
      computedAt: START,
    };
    const document = store.create("totals", row, START);
    return { table: "totals", id: document._id as string, stored: { document } };
  });
  store.commit(writes, { path: "load", begunAt: START, committedAt: START });

  const at = (i: number) => nameOf(Math.floor((i * rows) / LOOKED_AT));
  const raised = async () => {
    const found: boolean[] = [];
    for (let i = 0; i < LOOKED_AT; i++) {
      const { lines } = await clock.passUntil(backend.query("app:read", { key: at(i) }));
      found.push(lines.length > 0);
    }
    return found;
  };
  const before = await raised();
  meter.start();
  await clock.passUntil(backend.mutation("app:invalidateAll", {}));
  const { documentsRead, documentsWritten } = meter.amounts;
  const after = await raised();
  if (before.includes(true) || after.includes(false)) {
    throw new Error("rows were not fresh before the tag was invalidated, or not stale after.");
  }
  return { rows, documentsRead, documentsWritten };
}

function nameOf(row: number): string {
  return `key${row}`;
}
