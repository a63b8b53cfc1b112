import type { OptimisticLocalStore } from "convex/browser";
import { getFunctionName, makeFunctionReference } from "convex/server";
import { expect, test } from "vitest";
import { unmarked } from "../../src/client/optimistic";
import { envelope } from "./setup";

const total = makeFunctionReference<"query", { list: string }, number>("queries:total");

/** A store of results by their arguments, as in Convex's client. */
function storeOf(results: [args: object, value: unknown][]) {
  const entries = new Map(results.map(([args, value]) => [JSON.stringify(args), value]));
  const store = {
    getQuery: (_: unknown, args: object) => entries.get(JSON.stringify(args)),
    setQuery: (_: unknown, args: object, value: unknown) => entries.set(JSON.stringify(args), value),
    getAllQueries: (query: typeof total) => {
      expect(getFunctionName(query)).toBe("queries:total");
      return [...entries].map(([args, value]) => ({ args: JSON.parse(args), value }));
    },
  };
  return { store: store as unknown as OptimisticLocalStore, entries };
}

const plain = { list: "a" };
const marked = { list: "a", lazyViews: "client" };

test("a value that is set keeps the seals that are still to be forwarded", () => {
  const { store, entries } = storeOf([[marked, envelope(1, ["seal"])]]);
  unmarked((local) => local.setQuery(total, plain, 2))(store, {});
  expect(entries.get(JSON.stringify(marked))).toEqual(envelope(2, ["seal"]));
});

test("a query with both a marked and an unmarked result is listed once, with the marked result's value", () => {
  const seen: unknown[] = [];
  const look = unmarked((local) => {
    seen.push(local.getAllQueries(total), local.getQuery(total, plain));
  });
  look(
    storeOf([
      [marked, undefined],
      [plain, 1],
    ]).store,
    {},
  );
  look(
    storeOf([
      [plain, 1],
      [marked, envelope(2, [])],
    ]).store,
    {},
  );
  look(storeOf([[plain, undefined]]).store, {});
  expect(seen).toEqual([
    [{ args: plain, value: 1 }],
    1,
    [{ args: plain, value: 2 }],
    2,
    [{ args: plain, value: undefined }],
    undefined,
  ]);
});
