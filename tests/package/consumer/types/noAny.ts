import type * as library from "convex-lazy-views";
import type * as testing from "convex-lazy-views/test";
import type { DataModel } from "../convex/_generated/dataModel";
import type { airportStats } from "../convex/airportStats";
import type * as app from "../convex/lazy";
import type { movieSearch } from "../convex/movieSearch";
import type { Equal, Expect, LeakyMembers } from "./assert";

/** No public function or method takes or returns `any`. New ones are included automatically. */
export type Cases = [
  Expect<Equal<LeakyMembers<typeof library>, never>>,
  Expect<Equal<LeakyMembers<typeof testing>, never>>,
  Expect<Equal<LeakyMembers<library.LazyViews<DataModel>>, never>>,
  Expect<Equal<LeakyMembers<typeof airportStats>, never>>,
  Expect<Equal<LeakyMembers<typeof movieSearch>, never>>,
  Expect<Equal<LeakyMembers<library.LazyFunctions>, never>>,
  Expect<Equal<LeakyMembers<typeof app>, never>>,
];

/** The check finds an `any` in each place. */
interface Leaky {
  value: ReturnType<typeof JSON.parse>;
  result(): ReturnType<typeof JSON.parse>;
  promised(): Promise<ReturnType<typeof JSON.parse>>;
  taken(value: ReturnType<typeof JSON.parse>): void;
  tight(value: unknown): string;
}
export type Seen = Expect<Equal<LeakyMembers<Leaky>, "value" | "result" | "promised" | "taken">>;
