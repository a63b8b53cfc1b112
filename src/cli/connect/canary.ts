import { setTimeout as sleep } from "node:timers/promises";
import { runFunction } from "../convexCli.js";
import { note } from "../output.js";
import type { Context } from "./context.js";

/** What has become of the canary. */
export interface Proof {
  hasArrived: boolean;
  /** How long it took, in ms; null where `inspect` does not say. */
  delayMs: number | null;
  /** The report of `inspect`, and the problems in it. */
  report: Report;
  problems: string[];
}

/** What the proof needs to know: the deployment, and the module that exports the library's functions. */
interface ProofContext {
  deployment: Context["deployment"];
  app: Pick<Context["app"], "module">;
}

/** What `connect` reads of the report of `inspect`. */
interface Report {
  problems: string[];
  stream: { canarySentAt: number | null; canaryArrivedAt: number | null; delayMs: number | null } | null;
}

/** A canary that takes longer is lost, in ms. `inspect` reports it as a problem after a minute. */
const PATIENCE_MS = 90_000;
const POLL_MS = 1_000;
const NOTE_MS = 15_000;

/**
 * Runs the heartbeat, and waits until its canary has gone the whole way: out of a query, through the transport and
 * dispatch, to a recompute.
 *
 * @throws CliError when the heartbeat or `inspect` fails.
 */
export async function proveByCanary({ deployment, app }: ProofContext): Promise<Proof> {
  const inspect = async () => (await runFunction(deployment, `${app.module}:inspect`)) as Report;
  const before = await inspect();
  note("Sending an effect the whole way …");
  await runFunction(deployment, `${app.module}:heartbeat`);
  const startedAt = Date.now();
  for (let notedAt = startedAt; ; ) {
    const report = await inspect();
    const { problems, stream } = report;
    if (hasArrived(before, report)) return { hasArrived: true, delayMs: stream?.delayMs ?? null, report, problems };
    const now = Date.now();
    if (now - startedAt > PATIENCE_MS) return { hasArrived: false, delayMs: null, report, problems };
    if (now - notedAt > NOTE_MS) {
      note(`Still waiting for it, for ${Math.round((now - startedAt) / 1_000)} s …`);
      notedAt = now;
    }
    await sleep(POLL_MS);
  }
}

function hasArrived(before: Report, { stream, problems }: Report): boolean {
  // With the transport `client`, the heartbeat forwards its canary itself, and `inspect` only reports a missing one.
  if (stream === null) return !problems.some((problem) => problem.includes("canary"));
  const { canarySentAt, canaryArrivedAt } = stream;
  const isNew = canaryArrivedAt !== before.stream?.canaryArrivedAt;
  return isNew && canaryArrivedAt !== null && canaryArrivedAt >= (canarySentAt ?? 0);
}
