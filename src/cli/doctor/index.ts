import type { InspectReport } from "../../app/inspect.js";
import { proveByCanary } from "../connect/canary.js";
import { functionSpec, runFunction } from "../convexCli.js";
import { type Deployment, type DeploymentSelection, findDeployment } from "../deployment.js";
import { currentProblems } from "../logStreams.js";
import { colors, note, print, printJson } from "../output.js";
import { lookAtEnvFiles } from "./envFiles.js";
import { Findings, type Level, type Listener } from "./findings.js";
import { type Deployed, lookAtFunctions } from "./functions.js";
import { lookAtPackages } from "./packages.js";
import { lookAtReport } from "./report.js";
import { lookAtSource } from "./source.js";
import { lookAtRelay, lookAtTransports, type TransportsLook } from "./transports.js";
import { lookAtPrevious, readVariables } from "./variables.js";

/** The options of `doctor`, beside those that select a deployment. */
export interface DoctorOptions extends DeploymentSelection {
  module?: string;
  /** False with `--no-heartbeat`. */
  heartbeat: boolean;
  verbose?: boolean;
  json?: boolean;
}

/** What `doctor` knows of the deployment so far. */
interface Examined {
  deployment?: Deployment;
  module?: string;
  report?: InspectReport;
}

/**
 * Checks the app's folder, then the deployment, and then sends an effect the whole way. Prints a line for each finding.
 *
 * @returns Whether nothing is wrong.
 */
export async function examine(options: DoctorOptions): Promise<boolean> {
  const findings = new Findings(options.json ? TO_STDERR : toTerminal(options.verbose === true));
  const app = process.cwd();
  await lookAtPackages(findings, app);
  await lookAtEnvFiles(findings, app);
  const push = (await findings.try(() => lookAtSource(findings, app)))?.push ?? "npx convex dev --once";
  const examined: Examined = {};
  await findings.try(() => lookAtDeployment(findings, options, push, examined));
  const isWell = findings.count("problem") === 0;
  if (options.json) {
    const { deployment, module = null, report = null } = examined;
    printJson({ deployment: deployment?.url ?? null, module, ok: isWell, findings: findings.all, report });
  } else print(colors.bold(summary(findings)));
  return isWell;
}

async function lookAtDeployment(findings: Findings, options: DoctorOptions, push: string, examined: Examined) {
  const deployment = await findDeployment(options);
  examined.deployment = deployment;
  findings.ok(`The deployment is ${deployment.describe}.`);
  const [spec, variables] = await Promise.all([functionSpec(deployment), readVariables(deployment)]);
  const deployed = await lookAtFunctions(findings, deployment, { spec, asked: options.module, push });
  const { module, exports } = deployed;
  examined.module = module;
  lookAtPrevious(findings, variables, Date.now());
  const look: TransportsLook = { findings, deployment, deployed, variables, push };
  const isRelayNeeded = await lookAtTransports(look);
  const { hasArrived, report: shown } =
    options.heartbeat && exports.includes("heartbeat") ? await beat(look) : NOT_TRIED;
  if (!exports.includes("inspect")) return;
  const report = shown ?? ((await runFunction(deployment, `${module}:inspect`)) as InspectReport);
  examined.report = report;
  if (isRelayNeeded) lookAtRelay(look, hasArrived ? "now" : hasArrivedBefore(report) ? "before" : "never");
  const problems = await currentProblems(deployment, report.problems).catch(() => report.problems);
  lookAtReport(findings, { ...report, problems }, { push, isKnown: (problem) => isKnown(problem, findings, deployed) });
}

const hasArrivedBefore = ({ stream }: InspectReport): boolean =>
  (stream?.canaryArrivedAt ?? 0) > 0 && (stream?.canaryArrivedAt ?? 0) >= (stream?.canarySentAt ?? 0);

/** The result of the heartbeat: whether its canary has arrived, and the report of `inspect` after it. */
interface Proven {
  hasArrived: boolean;
  report?: InspectReport;
}

const NOT_TRIED: Proven = { hasArrived: false };

/** Runs the heartbeat. Waits for its canary, if everything is there that the canary needs. */
async function beat({ findings, deployment, deployed }: TransportsLook): Promise<Proven> {
  if (!deployed.isComplete) {
    await runFunction(deployment, `${deployed.module}:heartbeat`);
    return NOT_TRIED;
  }
  const { hasArrived, delayMs, report } = await proveByCanary({ deployment, app: deployed });
  const took = delayMs === null ? "" : ` in ${delayMs.toLocaleString("en-US")} ms`;
  if (hasArrived) findings.ok(`An effect has gone all the way${took}, and its recompute has run.`);
  return { hasArrived, report: report as InspectReport };
}

/** Whether a problem of `inspect` is among the findings already, in other words. */
function isKnown(problem: string, findings: Findings, { missing, hasRoute }: Deployed): boolean {
  if (/must have export const|could not be called/.test(problem)) return missing.some((name) => problem.includes(name));
  // If something else is wrong, that is why the canary does not arrive.
  if (/^Still being checked|^The canary did not come back/.test(problem)) return findings.count("problem") > 0;
  return !hasRoute && /^POST .*\/lazy-views\/effects answers/.test(problem);
}

const SIGNS: Record<Level, string> = { ok: "✓", advice: "!", problem: "✗" };

/** With `--json`, stdout gets one object at the end, and nothing else. */
const TO_STDERR: Listener = { finding: ({ level, what }) => note(`${SIGNS[level]} ${what}`), note: () => {} };

const toTerminal = (isVerbose: boolean): Listener => ({
  finding({ level, what, fix }) {
    const paint = { ok: colors.green, advice: colors.yellow, problem: colors.red }[level];
    print(`${paint(SIGNS[level])} ${what}${fix === null ? "" : ` → ${colors.bold(fix)}`}`);
  },
  note(text) {
    if (isVerbose) print(colors.dim(`  ${text}`));
  },
});

function summary(findings: Findings): string {
  const [problems, advice] = [findings.count("problem"), findings.count("advice")];
  const also = advice > 0 ? ` (${advice} ${advice === 1 ? "piece" : "pieces"} of advice)` : "";
  if (problems === 0) return `Nothing is wrong.${also}`;
  return `${problems} ${problems === 1 ? "thing is" : "things are"} wrong.${also}`;
}
