import { envList, runFunction } from "../convexCli.js";
import type { Deployment } from "../deployment.js";
import { CliError, keepSecret } from "../output.js";
import type { Findings } from "./findings.js";

const HOUR_MS = 3_600_000;
const PREVIOUS = ["LAZY_VIEWS_SECRET_PREVIOUS", "LAZY_VIEWS_STREAM_SECRET_PREVIOUS"];

/** A variable of the deployment. */
export interface Variable {
  name: string;
  value: string;
  /** When it was first set, in ms since 1970, if the deployment says it. */
  _creationTime?: number;
}

/** The deployment's variables for this library. Their values are never printed from now on. */
export async function readVariables(deployment: Deployment): Promise<Variable[]> {
  const documents = await runFunction(deployment, "_system/cli/queryEnvironmentVariables").catch((error) => {
    if (error instanceof CliError) return undefined;
    throw error;
  });
  const all = Array.isArray(documents)
    ? (documents as Variable[])
    : Object.entries(await envList(deployment)).map(([name, value]) => ({ name, value }));
  const ours = all.filter(({ name, value }) => name.startsWith("LAZY_VIEWS_") && value !== "");
  for (const { value } of ours) keepSecret(value);
  return ours;
}

/** Reports old secrets that are still set after a rotation. */
export function lookAtPrevious(findings: Findings, variables: readonly Variable[], now: number): void {
  for (const { name, _creationTime } of variables.filter((each) => PREVIOUS.includes(each.name))) {
    const ageMs = _creationTime === undefined ? undefined : now - _creationTime;
    const since = ageMs === undefined ? "is set" : `has been set for ${Math.floor(ageMs / HOUR_MS)} h`;
    if (ageMs !== undefined && ageMs < HOUR_MS) findings.ok(`${name} is set, as a rotation is under way.`);
    else {
      findings.advice(
        `${name} ${since}: what the old secret sealed or signed is accepted. An hour after a rotation, remove it.`,
        `npx convex env remove ${name}`,
      );
    }
  }
}
