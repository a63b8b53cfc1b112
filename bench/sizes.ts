import type { FloodSizes } from "./flood";
import type { HitSizes } from "./hit";

/** How large the bench is; its test uses the same sizes, but for the fan-out. */
export const HIT: HitSizes = {
  documents: 50,
  documentsLarge: 5_000,
  rounds: 1_000,
  readsPerRound: 10,
};

export const OVERHEAD_ROUNDS = 400;

export const FORWARDS = { clients: 200 };

const STREAM = { batchSize: 128, repeated: 0.1, seed: 20_240_607 };

export const STORM: FloodSizes = { keys: 1, readsPerKey: 10_000, ...STREAM };
export const FANOUT: FloodSizes = { keys: 200, readsPerKey: 50, ...STREAM };
