import fc from "fast-check";
import type { Item, Key } from "./lists.js";

export const LISTS = ["a", "b", "c"];
const LAYERS = [
  ["bottom1", "bottom2"],
  ["middle1", "middle2"],
  ["top1", "top2"],
];
export const NAMES = LAYERS.flat();

/** A term of a compute's sum: items, keys of a view, or all rows of a view. Lists are numbered from the compute's own. */
export type Term =
  | { of: "items"; list: number }
  | { of: "get" | "read" | "getMany" | "if positive"; view: string; list: number }
  | { of: "rows" | "readRows"; view: string };
export interface Graph {
  /** View → what its compute adds up. */
  terms: Record<string, Term[]>;
  /** Views with declared sources. */
  declared: Set<string>;
  /** Those of them with `applyChange`. */
  applied: Set<string>;
}

const list = fc.nat({ max: LISTS.length - 1 });
const items = fc.record({ of: fc.constant("items" as const), list });
function term(below: string[]): fc.Arbitrary<Term> {
  const view = fc.constantFrom(...below);
  const of = fc.constantFrom<("get" | "read" | "getMany" | "if positive")[]>("get", "read", "getMany", "if positive");
  return fc.oneof(
    { weight: 1, arbitrary: items },
    { weight: 5, arbitrary: fc.record({ of, view, list }) },
    { weight: 2, arbitrary: fc.record({ of: fc.constantFrom<("rows" | "readRows")[]>("rows", "readRows"), view }) },
  );
}
export const graph: fc.Arbitrary<Graph> = fc.record({
  terms: fc.record(
    Object.fromEntries(
      LAYERS.flatMap((layer, i) => {
        const below = LAYERS.slice(0, i).flat();
        const any = i === 0 ? items : term(below);
        return layer.map((name) => [name, fc.array(any as fc.Arbitrary<Term>, { minLength: 1, maxLength: 3 })]);
      }),
    ),
  ),
  declared: fc.subarray(NAMES).map((names) => new Set(names)),
  applied: fc.subarray(NAMES).map((names) => new Set(names)),
});

export type Step =
  | { do: "insert"; list: string; n: number }
  | { do: "patch"; item: number; n: number }
  | { do: "move"; item: number; list: string }
  | { do: "delete"; item: number }
  | { do: "refresh" | "evict" | "invalidate"; view: string; list: string }
  | { do: "side by side" | "sub-mutation" | "sub-mutation that throws"; steps: Step[] };
const listName = fc.constantFrom(...LISTS);
const item = fc.nat({ max: 6 });
const n = fc.integer({ min: -3, max: 9 });
const { step } = fc.letrec<{ step: Step; steps: Step[] }>((tie) => ({
  steps: fc.array(tie("step"), { minLength: 1, maxLength: 4 }),
  step: fc.oneof(
    { maxDepth: 2, withCrossShrink: true },
    { weight: 4, arbitrary: fc.record({ do: fc.constant("insert" as const), list: listName, n }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant("patch" as const), item, n }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant("move" as const), item, list: listName }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant("delete" as const), item }) },
    {
      weight: 8,
      arbitrary: fc.record({
        do: fc.constantFrom<("refresh" | "evict" | "invalidate")[]>("refresh", "refresh", "evict", "invalidate"),
        view: fc.constantFrom(...NAMES),
        list: listName,
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        do: fc.constantFrom<("side by side" | "sub-mutation" | "sub-mutation that throws")[]>(
          ...["side by side" as const, "sub-mutation" as const, "sub-mutation that throws" as const],
        ),
        steps: tie("steps") as fc.Arbitrary<Step[]>,
      }),
    },
  ) as fc.Arbitrary<Step>,
}));
/** An event: a mutation; readers ask for a key until it is fresh; or very many rows get a dependency. */
export const event = fc.oneof(
  { weight: 4, arbitrary: fc.array(step, { minLength: 1, maxLength: 5 }) },
  { weight: 1, arbitrary: fc.record({ view: fc.constantFrom(...NAMES), list: listName }) },
  { weight: 1, arbitrary: fc.record({ dependency: fc.nat({ max: 50 }) }) },
);

/** Sources for the tables that a compute reads itself. An item concerns the keys that add it up, a row all keys. */
export function sourcesOf(terms: readonly Term[]): Record<string, (document: never) => Key[]> {
  const toItems = ({ list }: Item) =>
    terms.flatMap((term) => (term.of === "items" ? [keyAt(list, LISTS.length - term.list)] : []));
  const toAll = () => LISTS.map((each) => ({ list: each }));
  return Object.fromEntries(terms.map((term) => (term.of === "items" ? ["items", toItems] : [term.view, toAll])));
}

/** Makes an `applyChange` for items. It returns undefined when one of the terms may not count. */
export function applyChange(terms: readonly Term[]) {
  const added = (item: Item | null, own: Key) => {
    let sum = 0;
    for (const [i, term] of terms.entries()) {
      if (term.of === "items" && item?.list === keyAt(own.list, term.list).list) sum += 10 ** i * item.n;
    }
    return sum;
  };
  return (value: number, { before, after }: { before: Item | null; after: Item | null }, own: Key) =>
    terms.some(({ of }) => of === "if positive") ? undefined : value + added(after, own) - added(before, own);
}

export function keyAt(list: string, distance: number): Key {
  return { list: LISTS[(LISTS.indexOf(list) + distance) % LISTS.length] ?? "" };
}
