import { setTimeout as sleep } from "node:timers/promises";
import { median } from "../random";
import { WINDOW_MS } from "./app";
import { Deployment, type TransportName } from "./deployment";
import type { TransportSizes } from "./measure";

/** The group that all clients watch. */
export const GROUP = "watched";

/** The median time from a write until all subscribers see it, in ms. */
export async function measureFreshness(
  transport: TransportName,
  { subscribers, writes }: TransportSizes,
): Promise<number> {
  const deployment = await Deployment.start(transport);
  await deployment.subscribe("soon", [GROUP], subscribers);
  const times = await timeWrites(deployment, { subscribers, writes, first: 1 });
  await deployment.close();
  return median(times);
}

/** The times of writes. Each comes after the last one's window, and at another point of the delivery interval. */
export async function timeWrites(
  deployment: Deployment,
  { subscribers, writes, first }: { subscribers: number; writes: number; first: number },
): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < writes; i++) {
    await sleep(WINDOW_MS * (1.2 + (3 * i) / writes));
    times.push(await deployment.writeUntilSeen(GROUP, subscribers, first + i));
  }
  return times;
}
