import type { Deployment } from "./deployment.js";
import { CliError } from "./output.js";

/** What an endpoint of the deployment needs. */
export type ApiTarget = Pick<Deployment, "url" | "key" | "kind">;

/** An endpoint has answered with an error: its status, and the code and message of its answer. */
export class ApiError extends CliError {
  override name = "ApiError";
  constructor(
    message: string,
    readonly status: number,
    /** Such as `LogStreamingNotEnabled`; empty when the answer has none. */
    readonly code: string,
  ) {
    super(message);
  }
}

/** How long an endpoint may take, in ms. A poll of the function log takes up to a minute. */
const TIMEOUT_MS = 90_000;

/** How to get a key, for messages. */
export const HOW_TO_MAKE_A_KEY =
  "Make a deploy key with `npx convex deployment token create lazy-views --save-env`, or in the dashboard under " +
  "Settings → Deploy keys, and set it as CONVEX_DEPLOY_KEY in the environment or in .env.local. " +
  "For a self-hosted deployment, set CONVEX_SELF_HOSTED_URL and CONVEX_SELF_HOSTED_ADMIN_KEY.";

/**
 * Calls an endpoint of the deployment with its key.
 *
 * ```ts
 * const response = await deploymentFetch(deployment, "/api/v1/list_log_streams");
 * ```
 *
 * @param init - As for `fetch`. `key` is another key than the deployment's.
 * @throws CliError when there is no key, or the deployment does not answer; ApiError with 401 or 403 when the key is
 * refused. Other answers are returned.
 */
export async function deploymentFetch(
  { url, key: ownKey, kind }: ApiTarget,
  path: string,
  { key = ownKey ?? undefined, ...init }: RequestInit & { key?: string | undefined } = {},
): Promise<Response> {
  if (key === undefined) throw new CliError(`${path} needs a key of the deployment. ${HOW_TO_MAKE_A_KEY}`);
  const headers = new Headers(init.headers);
  headers.set("authorization", `Convex ${key}`);
  const signal = init.signal ?? AbortSignal.timeout(TIMEOUT_MS);
  const response = await fetch(url + path, { ...init, headers, signal }).catch((error: Error) => {
    if (init.signal?.aborted) throw error;
    const hint = kind === "local" ? " Start it with `npx convex dev`." : "";
    throw new CliError(`The deployment ${url} does not answer: ${reasonOf(error)}.${hint}`);
  });
  if (response.status !== 401 && response.status !== 403) return response;
  throw await refusal(response, path);
}

/** As `deploymentFetch`, with a JSON body, and the JSON of the answer. @throws ApiError for each other answer. */
export async function deploymentJson<Answer>(
  deployment: ApiTarget,
  path: string,
  { body, ...init }: { method?: string; body?: unknown; key?: string | undefined } = {},
): Promise<Answer> {
  const sent =
    body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } };
  const response = await deploymentFetch(deployment, path, { ...init, ...sent });
  if (!response.ok) throw await refusal(response, path);
  const text = await response.text();
  try {
    return (text === "" ? null : JSON.parse(text)) as Answer;
  } catch {
    throw new ApiError(`${path} did not answer with JSON: ${text.slice(0, 200)}`, response.status, "");
  }
}

async function refusal(response: Response, path: string): Promise<ApiError> {
  const { status } = response;
  const text = await response.text();
  const { code, message } = parseRefusal(text);
  const what = `${path} answered ${status}${code && ` ${code}`}${message && `: ${message}`}`;
  if (status === 401) return new ApiError(`The key is wrong, or of another deployment. ${what}`, status, code);
  if (status !== 403 || code === "LogStreamingNotEnabled") return new ApiError(what, status, code);
  return new ApiError(`${what} Use a key that has this permission.`, status, code);
}

/** Convex's errors are `{code, message}`. */
function parseRefusal(text: string): { code: string; message: string } {
  try {
    const { code, message } = JSON.parse(text) as { code?: unknown; message?: unknown };
    return { code: String(code ?? ""), message: sentence(String(message ?? "")) };
  } catch {
    return { code: "", message: sentence(text.slice(0, 200).trim()) };
  }
}

const sentence = (text: string) => (text === "" || /[.!?]$/.test(text) ? text : `${text}.`);

/** The reason of an error. `fetch` has it in `cause` only. */
function reasonOf(error: Error): string {
  const { cause } = error;
  return cause instanceof Error ? cause.message || String((cause as NodeJS.ErrnoException).code) : error.message;
}
