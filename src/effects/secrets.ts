declare const process: { env: Record<string, string | undefined> } | undefined;

const MIN_SECRET_LENGTH = 32; // The shortest secret that is accepted, in characters: 16 random bytes in hex.

/** Seals effects on their way out of a query. */
export const EFFECT_SECRET = "LAZY_VIEWS_SECRET";
/** The effect secret before the last rotation: still accepted, never used to seal. */
const PREVIOUS_EFFECT_SECRET = "LAZY_VIEWS_SECRET_PREVIOUS";
/** The `hmacSecret` of the deployment's webhook log stream. */
export const STREAM_SECRET = "LAZY_VIEWS_STREAM_SECRET";
/** The stream's secret before the last rotation; equal to the other one while the new one is not known yet. */
export const PREVIOUS_STREAM_SECRET = "LAZY_VIEWS_STREAM_SECRET_PREVIOUS";

/** The value of an environment variable of the deployment, or undefined when it is unset or empty. */
export function environmentVariable(name: string): string | undefined {
  return (typeof process === "undefined" ? undefined : process.env[name]) || undefined;
}

/** The secret that seals effects. @throws Error with the remedy, when it is missing or too short. */
export function effectSecret(): string {
  const secret = environmentVariable(EFFECT_SECRET) ?? "";
  if (secret.length >= MIN_SECRET_LENGTH) return secret;
  const short = `has ${secret.length} characters; it needs at least ${MIN_SECRET_LENGTH}`;
  const problem = secret === "" ? "is not set" : short;
  throw new Error(`${EFFECT_SECRET} ${problem}. Run: npx convex env set ${EFFECT_SECRET} "$(openssl rand -hex 32)"`);
}

/** The secrets whose seals are accepted: the current one and, during a rotation, the one before. */
export function acceptedEffectSecrets(): string[] {
  return [EFFECT_SECRET, PREVIOUS_EFFECT_SECRET]
    .map((name) => environmentVariable(name) ?? "")
    .filter(({ length }) => length >= MIN_SECRET_LENGTH);
}
