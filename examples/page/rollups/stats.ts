import type { FunctionReturnType } from "convex/server";
import type { api } from "../../convex/_generated/api";

/** An airport that can be chosen. */
export type Airport = FunctionReturnType<typeof api.rollups.dashboard.airports>[number];

/** One airport's row, with what the read found. */
export type Stats = FunctionReturnType<typeof api.rollups.dashboard.stats>;

/** What a row holds once it has been computed. */
export type StatsValue = NonNullable<Stats["value"]>;
