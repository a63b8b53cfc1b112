import { deepEqual } from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { type AdministeredDeployment, runAsAdmin } from "../admin";
import type { Trace } from "../backend";
import { internal } from "../convex/_generated/api";
import { DeploymentClients, PATIENCE_MS } from "../deploymentClients";
import { carrierOf } from "../page/shared/carrier";
import { startTailCron } from "../tailCron";
import { playTour } from "../tourStory";
import type { Transport } from "../transports";
import { authz } from "./authz";
import { type Check, type CheckResult, runChecks } from "./check";
import { quota } from "./quota";
import { rollups } from "./rollups";
import { search } from "./search";
import { tracking } from "./tracking";

/** A deployment that runs the examples. */
export interface ExamplesDeployment extends AdministeredDeployment {
  transport: Transport;
  /** Only the embedded backend has one. */
  trace?: Pick<Trace, "history">;
}

const examples = { rollups, authz, tracking, search, quota };

/** How many flights the tour loads. The story is the same with all 3,000, which take longer to load. */
const TOUR_FLIGHTS = 500;

const silent = { heading: () => {}, say: () => {} };

const carrierNames = { logStream: "log stream", logTail: "log tail", client: "client" } as const;

/** Checks the wiring, the five examples in parallel, and the tour. The deployment may have data of earlier runs. */
export async function runExamples(
  deployment: ExamplesDeployment,
  report: (result: CheckResult) => void,
): Promise<void> {
  const { url, transport, trace } = deployment;
  const id = Math.random().toString(36).slice(2, 10);
  const stopCron = transport === "logTail" ? startTailCron(deployment) : () => {};
  const app = new DeploymentClients(url, transport);
  try {
    await runChecks("wiring", (check) => wiring(deployment, check), report);
    await Promise.all(
      Object.entries(examples).map(([of, checks]) => runChecks(of, (check) => checks(app, check, id), report)),
    );
    await runChecks("tour", (check) => tour(app, check), report);
    if (trace !== undefined) await runChecks("transport", (check) => carriers(trace, transport, check), report);
  } finally {
    stopCron();
    await app.close();
  }
}

async function wiring(deployment: AdministeredDeployment, check: Check): Promise<void> {
  await check("the heartbeat's canary goes all the way, and inspect finds no problem", async () => {
    await runAsAdmin(deployment, internal.lazy.heartbeat);
    const giveUpAt = Date.now() + PATIENCE_MS;
    for (;;) {
      const { problems } = await runAsAdmin(deployment, internal.lazy.inspect);
      if (problems.length === 0) return;
      if (Date.now() > giveUpAt) throw new Error(problems.join("\n"));
      await sleep(250);
    }
  });
}

async function tour(app: DeploymentClients, check: Check): Promise<void> {
  await check("five subscribers see one late flight, and then twenty at once, and each time a fresh row", () =>
    playTour(app, silent, TOUR_FLIGHTS),
  );
}

async function carriers(trace: Pick<Trace, "history">, transport: Transport, check: Check): Promise<void> {
  await check(`nothing but the ${carrierNames[transport]} carried effects out of queries`, async () => {
    const seen = trace.history().flatMap((event) => (event.type === "execution" ? [carrierOf(event)] : []));
    deepEqual([...new Set(seen)].filter(Boolean), [carrierNames[transport]]);
  });
}
