import { beforeAll, describe, expect, test } from "vitest";
import { compileStrategies } from "../../bench/costs/isolates";
import { readFigures } from "../../bench/documentation/pages";
import type { Taken } from "../../bench/tracking/app";
import { measureOperations, type OperationFigures } from "../../bench/tracking/measure";
import { measureShared } from "../../bench/tracking/shared";

/** Documents read, documents written, index ranges. */
describe("the costs of tracking, compared with declared sources", () => {
  let operations: OperationFigures;
  beforeAll(async () => {
    operations = await measureOperations();
  });
  test("are those of the documentation", () => {
    const named = ([read, written, ranges]: Taken) => ({ read, written, ranges });
    const counted = Object.entries(operations).map(([name, { declared, tracked }]) => [
      name,
      { declared: named(declared), tracked: named(tracked) },
    ]);
    expect(readFigures().operations).toEqual(Object.fromEntries(counted));
  });

  const taken = (form: "declared" | "tracked") =>
    Object.fromEntries(Object.entries(operations).map(([name, both]) => [name, both[form].join(" ")]));

  test("an app without tracked views has the costs that it had before the library could track", () => {
    expect(taken("declared")).toEqual({
      hit: "1 0 1",
      insertIntoFresh: "5 3 3",
      insertIntoStale: "3 1 3",
      insertWithoutRows: "1 1 3",
      tenInserts: "14 12 12",
      patch: "6 3 3",
      delete: "6 3 3",
      move: "8 4 4",
      unrelatedWrite: "0 1 0",
      firstRecompute: "5 1 4",
      recompute: "7 1 4",
      evict: "2 1 2",
    });
  });

  test("a hit takes nothing more, a source write 3 documents and ranges, a recompute with the same reads no write", () => {
    expect(taken("tracked")).toEqual({
      hit: "1 0 1",
      insertIntoFresh: "8 3 6",
      insertIntoStale: "6 1 6",
      insertWithoutRows: "2 1 4",
      tenInserts: "17 12 15",
      patch: "9 3 6",
      delete: "9 3 6",
      // One more value to look for: the airport that the flight no longer goes to.
      move: "12 4 8",
      unrelatedWrite: "1 1 1",
      // It writes the two dependencies.
      firstRecompute: "6 3 8",
      recompute: "10 1 6",
      evict: "7 3 4",
    });
  });
});

test("a document that 64 rows depend on marks each of them; a hit of one takes nothing more", async () => {
  expect(await measureShared(64, await compileStrategies())).toMatchObject({ write: [196, 65, 68], hit: [1, 0, 1] });
  expect(readFigures().registered).toEqual({
    write: { read: 196, written: 65, ranges: 68 },
    hit: { read: 1, written: 0, ranges: 1 },
  });
});

test("a document that 100 rows depend on takes one more document to write, and each hit one more to read", async () => {
  expect(await measureShared(100, await compileStrategies())).toEqual({
    rows: 100,
    recompute: [3, 2, 9],
    dearestRecompute: [258, 131, 73],
    write: [5, 2, 5],
    hit: [2, 0, 2],
  });
  // These costs do not depend on the number of rows.
  expect(readFigures().shared).toMatchObject({
    dearestRecompute: { read: 258, written: 131 },
    write: { read: 5, written: 2 },
    hit: { read: 2, written: 0 },
  });
});
