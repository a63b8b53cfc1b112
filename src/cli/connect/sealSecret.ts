import { randomBytes } from "node:crypto";
import { envSet } from "../convexCli.js";
import { keepSecret } from "../output.js";
import type { Context } from "./context.js";

/** The shortest secret that the library accepts, in characters. */
const SHORTEST = 32;

export const newSecret = (): string => keepSecret(randomBytes(32).toString("hex"));

/** Sets variables of the deployment, in one transaction. */
export async function setVariables({ deployment, variables }: Context, values: Record<string, string>): Promise<void> {
  await envSet(deployment, values);
  Object.assign(variables, values);
}

/** Makes the secret that seals effects, where it is missing or too short. */
export async function setUpSealSecret(context: Context): Promise<void> {
  const { LAZY_VIEWS_SECRET: secret } = context.variables;
  if (secret && secret.length >= SHORTEST) {
    context.report.found("LAZY_VIEWS_SECRET is set.");
    return;
  }
  await setVariables(context, { LAZY_VIEWS_SECRET: newSecret() });
  context.report.changed(
    secret
      ? `LAZY_VIEWS_SECRET had ${secret.length} characters, and needs ${SHORTEST}: set to 32 random bytes.`
      : "Set LAZY_VIEWS_SECRET to 32 random bytes.",
  );
}
