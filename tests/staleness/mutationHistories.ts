import fc from "fast-check";

export const LISTS = ["a", "b"];

/** One thing that a mutation does. Items are numbered in the order of the table. */
export type Step =
  | { do: "insert"; list: string; n: number }
  | { do: "patch"; item: number; n: number }
  | { do: "move" | "replace"; item: number; list: string }
  | { do: "remove" | "get"; item: number }
  | { do: "refresh" | "invalidate" | "evict" | "read"; list: string }
  | { do: "query" }
  | { do: "pause"; ticks: number }
  | { do: "one by one" | "side by side" | "unawaited"; steps: Step[] }
  | { do: "sub-mutation" | "sub-mutation that throws"; steps: Step[] };

/** One event: a mutation, which may throw in the end; the begin of a run; or a wait. */
export type Event =
  | { do: "mutation" | "mutation that throws"; steps: Step[] }
  | { do: "begin"; list: string }
  | { do: "wait"; ms: number };

const list = fc.constantFrom(...LISTS);
const item = fc.nat({ max: 5 });
const n = fc.integer({ min: 1, max: 9 });
const { step } = fc.letrec<{ step: Step; steps: Step[] }>((tie) => ({
  steps: fc.array(tie("step"), { minLength: 1, maxLength: 4 }),
  step: fc.oneof(
    { maxDepth: 2, withCrossShrink: true },
    { weight: 5, arbitrary: fc.record({ do: fc.constant("insert" as const), list, n }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant("patch" as const), item, n }) },
    {
      weight: 3,
      arbitrary: fc.record({
        do: fc.constantFrom("move" as const, "replace" as const),
        item,
        list,
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ do: fc.constantFrom("remove" as const, "get" as const), item }),
    },
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constantFrom<("refresh" | "invalidate" | "evict" | "read")[]>(
          ...["refresh" as const, "refresh" as const, "invalidate" as const],
          ...["evict" as const, "read" as const],
        ),
        list,
      }),
    },
    { weight: 1, arbitrary: fc.constant({ do: "query" as const }) },
    {
      weight: 1,
      arbitrary: fc.record({ do: fc.constant("pause" as const), ticks: fc.nat({ max: 30 }) }),
    },
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constantFrom<(Step & { steps: Step[] })["do"][]>(
          ...["one by one" as const, "side by side" as const, "unawaited" as const],
          ...["sub-mutation" as const, "sub-mutation that throws" as const],
        ),
        steps: tie("steps") as fc.Arbitrary<Step[]>,
      }),
    },
  ) as fc.Arbitrary<Step>,
}));

/** Few different steps, so that short sequences of them occur in every order. */
const simpleStep: fc.Arbitrary<Step> = (() => {
  const write: Step = { do: "insert", list: "a", n: 1 };
  const refresh: Step = { do: "refresh", list: "a" };
  const inside = ["sub-mutation", "sub-mutation", "sub-mutation that throws", "unawaited"] as const;
  const nested = inside.flatMap((kind) => [write, refresh].map((each): Step => ({ do: kind, steps: [each] })));
  return fc.constantFrom<Step[]>(write, write, write, refresh, { do: "evict", list: "a" }, ...nested);
})();

const steps = fc.oneof(
  fc.array(step, { minLength: 1, maxLength: 8 }),
  fc.array(simpleStep, { minLength: 2, maxLength: 5 }),
);

/** An event in the history of an app. */
export const event: fc.Arbitrary<Event> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ do: fc.constant("mutation" as const), steps }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("mutation that throws" as const), steps }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("begin" as const), list }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("wait" as const),
      ms: fc.constantFrom(0, 10_000, 61_000),
    }),
  },
);
