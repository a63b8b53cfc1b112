import { setTimeout as sleep } from "node:timers/promises";
import { median } from "../random";
import { Deployment } from "./deployment";
import { GROUP, timeWrites } from "./freshness";
import type { TailUse, TransportSizes } from "./measure";

export interface TailUses {
  /** A write, after which nothing happens until the tail has ended. */
  aWrite: TailUse;
  /** A heartbeat, when no tail reads the log. */
  aHeartbeat: TailUse;
  /** A second with a hundred writes, to ten rows that a client watches. */
  aBusySecond: TailUse & { writes: number };
  /** A second without writes and effects. */
  anIdleSecond: TailUse;
}

const BUSY_GROUPS = Array.from({ length: 10 }, (_, i) => `busy ${i}`);
const BUSY_WRITES_A_SECOND = 100;

/** Measures writes that start a tail, an idle time, a heartbeat, and then writes that a running tail carries. */
export async function measureTail({ subscribers, writes, startingWrites, idleSeconds }: TransportSizes) {
  const deployment = await Deployment.start("logTail");
  await deployment.subscribe("soon", [GROUP], subscribers);
  await deployment.tailEnded();
  const starting: number[] = [];
  const since = deployment.calls.length;
  for (let i = 1; i <= startingWrites; i++) {
    starting.push(await deployment.writeUntilSeen(GROUP, subscribers, i));
    await deployment.tailEnded();
  }
  const aWrite = shareOf(tailUse(deployment, since), startingWrites);

  const idleSince = deployment.calls.length;
  await sleep(idleSeconds * 1_000);
  const anIdleSecond = shareOf(tailUse(deployment, idleSince), idleSeconds);

  const beatSince = deployment.calls.length;
  await deployment.heartbeat();
  await deployment.tailEnded();
  const aHeartbeat = tailUse(deployment, beatSince);

  // The first of these starts the tail.
  const [, ...times] = await timeWrites(deployment, { subscribers, writes: writes + 1, first: startingWrites + 1 });
  await deployment.close();
  return {
    logTail: median(times),
    logTailStarting: median(starting),
    uses: { aWrite, anIdleSecond, aHeartbeat },
  };
}

/** The first writes of the rows are a second apart, so that their windows end at different times. */
export async function measureBusy(seconds: number): Promise<Pick<TailUses, "aBusySecond">> {
  const deployment = await Deployment.start("logTail");
  await deployment.subscribe("windowed", BUSY_GROUPS, 1);
  const startedAt = performance.now();
  const passed = () => (performance.now() - startedAt) / 1_000;
  let writes = 0;
  let since = 0;
  for (let amount = 1; passed() < BUSY_GROUPS.length + seconds; amount++) {
    const groups = BUSY_GROUPS.slice(0, 1 + Math.floor(passed()));
    await deployment.write(groups[amount % groups.length] as string, amount);
    if (passed() < BUSY_GROUPS.length) since = deployment.calls.length;
    else writes++;
    await sleep(startedAt + (amount * 1_000) / BUSY_WRITES_A_SECOND - performance.now());
  }
  // The tail started before, and runs all the time.
  const { calls } = tailUse(deployment, since);
  const counted = passed() - BUSY_GROUPS.length;
  await deployment.close();
  return { aBusySecond: { calls: calls / counted, seconds: 1, writes: writes / counted } };
}

/** The calls of and by the tail since a call, and its running time. Calls that test the exports are the heartbeat's. */
function tailUse({ calls }: Deployment, since: number): TailUse {
  const own = calls.slice(since).filter(({ path, args }) => {
    const { job, effects } = args as { job?: { kind?: string }; effects?: unknown[] };
    switch (path) {
      case "lazy:dispatch":
        return (effects ?? []).length > 0;
      case "lazy:sweep":
        return job?.kind === "tail" || job?.kind === "tailed";
      default:
        return path === "lazy:tail" && job?.kind === "read";
    }
  });
  const ms = own.filter(({ path }) => path === "lazy:tail").reduce((sum, { durationMs }) => sum + durationMs, 0);
  return { calls: own.length, seconds: ms / 1_000 };
}

const shareOf = ({ calls, seconds }: TailUse, count: number) => ({ calls: calls / count, seconds: seconds / count });
