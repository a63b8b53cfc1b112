import { describe, expect, test } from "vitest";
import { measureFlood } from "../../bench/flood";
import { measureForwards } from "../../bench/forwards";
import { measureHit } from "../../bench/hit";
import { FANOUT, FORWARDS, HIT, STORM } from "../../bench/sizes";
import { measureWrites } from "../../bench/writes";

test("a hit reads one document and writes none, however many its value was computed from", async () => {
  const hit = await measureHit({ ...HIT, rounds: 4, readsPerRound: 1 });

  expect(hit).toMatchObject({
    documentsRead: 1,
    indexRanges: 1,
    documentsWritten: 0,
    effects: 0,
    documentsReadLarge: 1,
    indexRangesLarge: 1,
    documentsReadLargeWithoutView: 5_000,
  });
});

describe("stale reads, delivered in batches, shuffled, a tenth of them twice", () => {
  test("10,000 of one key: one recompute, and no document written by a duplicate", async () => {
    expect(await measureFlood(STORM)).toEqual({
      staleReads: 10_000,
      messages: 11_000,
      batches: 86,
      recomputes: 1,
      commits: 1,
      recomputeJobs: 1,
      keysLeftStale: 0,
      // The ledger entry, and the document that says that its sweep is scheduled.
      documentsWritten: 2,
      duplicateBatches: 85,
      duplicateDocumentsWritten: 0,
    });
  });

  test("40 of each of 50 keys: one recompute a key", async () => {
    const sizes = { ...FANOUT, keys: 50, readsPerKey: 40 };
    const { documentsWritten, ...fanout } = await measureFlood(sizes);

    expect(fanout).toMatchObject({
      staleReads: 2_000,
      messages: 2_200,
      recomputes: 50,
      commits: 50,
      recomputeJobs: 50,
      keysLeftStale: 0,
      duplicateDocumentsWritten: 0,
    });
    // A ledger entry a key, and one sweep: or two, when the run crosses from one ten minutes to the next.
    expect([51, 52]).toContain(documentsWritten);
  });
});

test("200 clients that carry effects: few do, and one recompute at a time serves them all", async () => {
  const { forwards, forwardsInsideWindow, ...rest } = await measureForwards(FORWARDS);

  expect(rest).toEqual({ clients: 200, recomputes: 2, clientsLeftStale: 0 });
  // The bench holds them to 20; here other tests may keep the machine busy, and a recompute that comes late.
  for (const count of [forwards, forwardsInsideWindow]) {
    expect(count).toBeGreaterThanOrEqual(1);
    expect(count).toBeLessThan(100);
  }
});

test("a source write reads the row, and writes it only when it is clean", async () => {
  const { cleanWrite, staleWrite } = await measureWrites();

  // One range fewer than the empty trigger's: the library does not read back what was just written.
  expect(cleanWrite).toMatchObject({ extraRead: 1, extraWritten: 1, extraIndexRanges: 0 });
  expect(staleWrite).toMatchObject({ extraRead: 1, extraWritten: 0, extraIndexRanges: 0 });
});
