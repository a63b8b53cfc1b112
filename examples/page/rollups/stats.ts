import type { FunctionReturnType } from "convex/server";
import type { api } from "../../convex/_generated/api";

/** An airport that can be chosen. */
export type Airport = FunctionReturnType<typeof api.rollups.dashboard.airports>[number];

/** One airport's row, with its freshness. */
export type Stats = FunctionReturnType<typeof api.rollups.dashboard.stats>;

/** The value of a computed row. */
export type StatsValue = NonNullable<Stats["value"]>;
