import fc from "fast-check";
import type { MutationCtx } from "../testApp.js";
import { A, B, type Doc, documentNumber, TABLES, TEXT } from "./randomReads.js";

/** A step of a mutation on a document or on a row. Rows are numbered. */
export type Write =
  | { do: "insert"; table: string; document: Doc }
  | { do: "patch"; at: number; change: Partial<Doc>; isNamed: boolean }
  | { do: "replace"; at: number; document: Doc; isNamed: boolean }
  | { do: "delete"; at: number; isNamed: boolean }
  | { do: "refresh" | "invalidate" | "evict"; row: number };
export type Step =
  | Write
  | { do: "one by one" | "side by side"; steps: Step[] }
  | { do: "sub-mutation" | "sub-mutation that throws"; steps: Step[] };

/** The number of rows. */
export const ROWS = 12;

const C = fc.constantFrom(undefined, {}, { d: "x" }, { d: "y" });
const ref = fc.option(fc.nat({ max: 30 }), { nil: undefined });
export const document = fc.record({ a: A, b: B, c: C, ref, text: TEXT });
/** A field with the value `undefined` is removed. */
const change = fc.record({ a: A, b: B, c: C, ref, text: TEXT }, { requiredKeys: [] });
const at = fc.nat({ max: 30 });
const isNamed = fc.boolean();
const row = fc.nat({ max: ROWS - 1 });

const { step } = fc.letrec<{ step: Step; steps: Step[] }>((tie) => ({
  steps: fc.array(tie("step"), { minLength: 1, maxLength: 4 }),
  step: fc.oneof(
    { maxDepth: 2, withCrossShrink: true },
    {
      weight: 5,
      arbitrary: fc.record({
        do: fc.constant("insert" as const),
        table: fc.constantFrom(...TABLES),
        document,
      }),
    },
    { weight: 6, arbitrary: fc.record({ do: fc.constant("patch" as const), at, change, isNamed }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant("replace" as const), at, document, isNamed }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant("delete" as const), at: documentNumber, isNamed }) },
    { weight: 8, arbitrary: fc.record({ do: fc.constant("refresh" as const), row }) },
    {
      weight: 2,
      arbitrary: fc.record({ do: fc.constantFrom("invalidate" as const, "evict" as const), row }),
    },
    {
      weight: 5,
      arbitrary: fc.record({
        do: fc.constantFrom<("one by one" | "side by side" | "sub-mutation" | "sub-mutation that throws")[]>(
          ...["one by one" as const, "side by side" as const, "sub-mutation" as const],
          "sub-mutation that throws",
        ),
        steps: tie("steps") as fc.Arbitrary<Step[]>,
      }),
    },
  ) as fc.Arbitrary<Step>,
}));

/** An event: a mutation, which may throw in the end; or very many rows get a dependency. */
export type Event =
  | { do: "mutation" | "mutation that throws"; steps: Step[] }
  | { do: "crowd"; dependency: number }
  | { do: "refresh all" };

export const event: fc.Arbitrary<Event> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant("mutation" as const),
      steps: fc.array(step, { minLength: 1, maxLength: 6 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("mutation that throws" as const),
      steps: fc.array(step, { minLength: 1, maxLength: 6 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("crowd" as const), dependency: fc.nat({ max: 20 }) }) },
  { weight: 3, arbitrary: fc.constant({ do: "refresh all" as const }) },
);

/** Inserts, patches, replaces or deletes one of the documents in `ids`. An insert adds its id. */
export async function write(ctx: MutationCtx, step: Write, ids: string[]): Promise<void> {
  const { db } = ctx;
  const idOf = (n: number) => ids[n % Math.max(ids.length, 1)];
  const stored = <D extends Partial<Doc>>(doc: D): D =>
    "ref" in doc && doc.ref !== undefined ? { ...doc, ref: idOf(Number(doc.ref)) } : doc;
  if (step.do === "insert") {
    ids.push(await db.insert(step.table, stored(step.document) as never));
    return;
  }
  if (!("at" in step)) return;
  const id = idOf(step.at) as never;
  const table = TABLES.find((name) => db.normalizeId(name, id) !== null) as never;
  const named = step.isNamed ? [table] : [];
  const call = (method: "patch" | "replace" | "delete", ...args: unknown[]) =>
    (db[method] as (...args: unknown[]) => Promise<void>)(...named, id, ...args);
  // The document may be deleted by then: an app would catch the error, and go on.
  if (step.do === "patch") await call("patch", stored(step.change)).catch(() => {});
  else if (step.do === "replace") await call("replace", stored(step.document)).catch(() => {});
  else await call("delete").catch(() => {});
}
