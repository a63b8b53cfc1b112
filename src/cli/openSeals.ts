import { EFFECT_SECRET, PREVIOUS_EFFECT_SECRET } from "../effects/crypto.js";
import type { Effect } from "../effects/effect.js";
import { unseal } from "../effects/seal.js";
import { envList } from "./convexCli.js";
import { type Deployment, localSetting } from "./deployment.js";
import { type LogEntry, sealsIn } from "./functionLog.js";
import { CliError, keepSecret, note } from "./output.js";

/**
 * Opens the seals in entries of the log. Returns the effects of each seal, by its text, without those of other secrets.
 */
export type Opener = (entries: readonly LogEntry[]) => Promise<ReadonlyMap<string, readonly Effect[]>>;

/**
 * Makes the function that opens seals, with the secrets of the environment or else of the deployment. Null when neither
 * can be read: then the effects in seals are not known.
 */
export async function findOpener(deployment: Deployment, options: { envFile?: string }): Promise<Opener | null> {
  const own = [EFFECT_SECRET, PREVIOUS_EFFECT_SECRET].map((name) => localSetting(name, options));
  const found = (own[0] ? own : await secretsOf(deployment)).filter((secret) => secret !== undefined && secret !== "");
  const secrets = found as string[];
  for (const secret of secrets) keepSecret(secret);
  return secrets.length === 0 ? null : (entries) => open(entries, secrets);
}

async function secretsOf(deployment: Deployment): Promise<(string | undefined)[]> {
  try {
    const variables = await envList(deployment);
    return [variables[EFFECT_SECRET], variables[PREVIOUS_EFFECT_SECRET]];
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    note(`Effects stay sealed, because ${EFFECT_SECRET} cannot be read here.`);
    return [];
  }
}

async function open(entries: readonly LogEntry[], secrets: readonly string[]) {
  const seals = [...new Set(entries.flatMap(sealsIn))];
  const opened = await Promise.all(seals.map(async (seal) => [seal, await unseal(seal, secrets)] as const));
  return new Map(opened.filter((pair): pair is [string, Effect[]] => pair[1] !== null));
}
