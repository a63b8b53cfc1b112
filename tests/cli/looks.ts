import { setTimeout as sleep } from "node:timers/promises";
import { ConvexHttpClient } from "convex/browser";
import { onTestFinished } from "vitest";
import type { ShopBackend } from "./commandLine";
import { api } from "./shop";

const PAUSE_MS = 20;

/** Runs queries one after the other until it is stopped. Each schedules an effect for a number, from `first` on. */
export function startLooks(backend: ShopBackend, first = 0) {
  const client = new ConvexHttpClient(backend.url, { logger: false });
  let next = first;
  let isOver = false;
  onTestFinished(() => {
    isOver = true;
  });
  const looking = (async () => {
    do {
      await client.query(api.orders.look, { number: next++ });
      await sleep(PAUSE_MS);
    } while (!isOver);
  })();
  return {
    /** @returns The next number. */
    async stop(): Promise<number> {
      isOver = true;
      await looking;
      return next;
    },
  };
}

/** The numbers whose effect has run. */
export async function looksOf(backend: ShopBackend): Promise<number[]> {
  const found = await backend.run((ctx) => ctx.db.query("looks").collect());
  return found.map(({ number }) => number).sort((one, other) => one - other);
}
