import type { Deployment } from "../app.js";
import type { Commit, Store } from "../engine/store.js";
import { must } from "./violation.js";

interface Health {
  sentAt?: number;
  arrivedAt?: number;
  failed?: string[];
}

type Finding = { kind: string; message: string };

/** The recompute of a canary records its arrival, not the heartbeat that sends it. */
export function checkArrival({ changes, number, path }: Commit): void {
  for (const { table, before, after } of changes) {
    if (table !== "lazyHealth") continue;
    const [old, next] = [(before ?? {}) as Health, (after ?? {}) as Health];
    const isSaid = old.arrivedAt !== next.arrivedAt && old.sentAt !== next.sentAt;
    must(!isSaid, () => `Commit ${number} (${path}) says that a canary has arrived which is sent only now.`);
  }
}

/** While all writes use the library, audits find nothing, except that sources do not cover views guarded by tags. */
export function checkAudits({ changes, number }: Commit, { guard }: Deployment): void {
  for (const { table, after } of changes) {
    const { findings = [] } = (table === "lazyHealth" && (after?.audits as { findings?: Finding[] })) || {};
    const found = findings.find(({ kind }) => kind !== "uncovered" || guard !== "tags");
    must(found === undefined, () => `Commit ${number} remembers what an audit has found: ${found?.message}`);
  }
}

/** After a heartbeat, when effects arrive and jobs run: its canary has arrived, and nothing failed. */
export function checkHealth(store: Store): void {
  const [found] = store.scan("lazyHealth", store.latest);
  const { sentAt = Infinity, arrivedAt = 0, failed } = (found?.document ?? {}) as Health;
  must(arrivedAt >= sentAt, () => `The canary of ${sentAt} did not arrive; the last one did at ${arrivedAt}.`);
  must(failed?.length === 0, () => `The heartbeat found: ${failed}`);
}
