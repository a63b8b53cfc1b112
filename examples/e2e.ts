/**
 * `npm run e2e`: runs the tour and all five examples with the official clients, on the embedded backend, with each
 * transport; `-- --transport logTail` runs one. If the environment names a deployment (`CONVEX_SELF_HOSTED_URL` and
 * `CONVEX_SELF_HOSTED_ADMIN_KEY`, or `CONVEX_DEPLOY_KEY`), it pushes the examples there, and runs them there instead.
 *
 * It prints a line for each check, and exits with code 1 if a check fails.
 */
import { parseArgs } from "node:util";
import { printError, redact } from "../src/cli/output";
import type { CheckResult } from "./e2e/check";
import { isDeploymentNamed, prepareDeployment } from "./e2e/named";
import { type ExamplesDeployment, runExamples } from "./e2e/run";
import { startExampleBackend } from "./exampleBackend";
import { type Transport, toTransport, transports } from "./transports";

/** How often the embedded backend's log stream delivers, in ms; Convex's delivers every 5,000. */
const INTERVAL_MS = 1_000;

const { values } = parseArgs({
  options: { transport: { type: "string" }, replace: { type: "boolean", default: false } },
});
const asked = values.transport === undefined ? undefined : toTransport(values.transport);
const results: CheckResult[] = [];

try {
  if (isDeploymentNamed()) await checkNamed();
  else for (const transport of asked ? [asked] : transports) await checkEmbedded(transport);
} catch (error) {
  printError(error);
  process.exit(1);
}

const failed = results.filter(({ error }) => error !== undefined).length;
console.log(failed === 0 ? `\nAll ${results.length} checks hold.` : `\n${failed} of ${results.length} checks failed.`);
process.exit(failed === 0 ? 0 : 1);

async function checkEmbedded(transport: Transport): Promise<void> {
  const backend = await startExampleBackend({ transport, intervalMs: INTERVAL_MS });
  const delivers = transport === "logStream" ? `, whose log stream delivers every ${INTERVAL_MS} ms` : "";
  await check({ ...backend, transport }, `an embedded backend${delivers}`);
  await backend.close();
}

async function checkNamed(): Promise<void> {
  const say = (text: string) => console.log(redact(text));
  const deployment = await prepareDeployment({ transport: asked, replace: values.replace }, say);
  await check(deployment, deployment.url);
}

async function check(deployment: ExamplesDeployment, where: string): Promise<void> {
  console.log(`\nThe examples on ${where}, with the transport ${deployment.transport}`);
  await runExamples(deployment, (result) => {
    results.push(result);
    console.log(line(result));
  });
}

function line({ of, what, durationMs, error }: CheckResult): string {
  const seconds = `${(durationMs / 1_000).toFixed(1)} s`.padStart(7);
  const why = error === undefined ? "" : `\n${error.message}`.replaceAll("\n", `\n${" ".repeat(20)}`);
  return `  ${error === undefined ? "✓" : "✗"} ${seconds}  ${of.padEnd(9)}  ${what}${why}`;
}
