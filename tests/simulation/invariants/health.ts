import type { Commit, Store } from "../engine/store.js";
import { must } from "./violation.js";

interface Health {
  sentAt?: number;
  arrivedAt?: number;
  failed?: string[];
}

/** That a canary has arrived is noted by its own recompute, not by the heartbeat that sends it. */
export function checkArrival({ changes, number, path }: Commit): void {
  for (const { table, before, after } of changes) {
    if (table !== "lazyHealth") continue;
    const [old, next] = [(before ?? {}) as Health, (after ?? {}) as Health];
    const isSaid = old.arrivedAt !== next.arrivedAt && old.sentAt !== next.sentAt;
    must(!isSaid, () => `Commit ${number} (${path}) says that a canary has arrived which is sent only now.`);
  }
}

/** After a heartbeat, when effects arrive and jobs run: its canary has gone the whole way, and nothing else failed. */
export function checkHealth(store: Store): void {
  const [found] = store.scan("lazyHealth", store.latest);
  const { sentAt = Infinity, arrivedAt = 0, failed } = (found?.document ?? {}) as Health;
  must(arrivedAt >= sentAt, () => `The canary of ${sentAt} did not arrive; the last one did at ${arrivedAt}.`);
  must(failed?.length === 0, () => `The heartbeat found: ${failed}`);
}
