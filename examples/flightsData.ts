/**
 * Real flights for the demo and the tour: US domestic flights of January and February 2001,
 * from the Bureau of Transportation Statistics, as packaged by `vega-datasets`.
 */
import type { ConvexHttpClient } from "convex/browser";
import { api } from "./convex/_generated/api";
import { dataFile } from "./dataFile";

/** One flight, as `api.rollups.flights.load` takes it. */
export interface Flight {
  date: string;
  /** Minutes after the schedule; negative when early. */
  delay: number;
  /** Miles. */
  distance: number;
  origin: string;
  destination: string;
}

/** One airport, as `api.rollups.flights.loadAirports` takes it. */
export interface Airport {
  code: string;
  name: string;
  city: string;
}

export interface LoadProgress {
  loaded: number;
  total: number;
}

const FLIGHTS = 3_000;
const BATCH = 250;

/** The flights, in order of time. */
export function flights(): Flight[] {
  const rows = JSON.parse(dataFile("flights-5k.json")) as Flight[];
  return rows.slice(0, FLIGHTS);
}

/** The airports of the flights, the busiest first. */
export function airports(): Airport[] {
  const traffic = new Map<string, number>();
  for (const { origin, destination } of flights()) {
    for (const code of [origin, destination]) traffic.set(code, (traffic.get(code) ?? 0) + 1);
  }
  return dataFile("airports.csv")
    .split(/\r?\n/)
    .slice(1)
    .map(csvFields)
    .map(([code = "", name = "", city = ""]) => ({ code, name, city }))
    .filter(({ code }) => traffic.has(code))
    .sort((a, b) => (traffic.get(b.code) ?? 0) - (traffic.get(a.code) ?? 0));
}

/**
 * Loads the airports, and the flights in batches, through a deployment's public mutations.
 *
 * @param options.count - Loads only the first flights, up to this number. Default: all 3,000.
 */
export async function loadInto(
  client: ConvexHttpClient,
  { onProgress, count = FLIGHTS }: { onProgress?: (progress: LoadProgress) => void; count?: number } = {},
): Promise<void> {
  await client.mutation(api.rollups.flights.loadAirports, { airports: airports() });
  const all = flights().slice(0, count);
  for (let loaded = 0; loaded < all.length; ) {
    const batch = all.slice(loaded, loaded + BATCH);
    loaded += await client.mutation(api.rollups.flights.load, { flights: batch });
    onProgress?.({ loaded, total: all.length });
  }
}

/** The fields of one CSV line; a field with commas is in double quotes. */
function csvFields(line: string): string[] {
  return Array.from(line.matchAll(/(?:^|,)(?:"([^"]*)"|([^,]*))/g), ([, quoted, plain]) => quoted ?? plain ?? "");
}
