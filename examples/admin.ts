import { type FunctionReference, type FunctionReturnType, getFunctionName } from "convex/server";
import { convexToJson, type JSONValue, jsonToConvex, type Value } from "convex/values";

/** A deployment with its admin key. */
export interface AdministeredDeployment {
  url: string;
  adminKey: string;
}

type AnyFunction = FunctionReference<"query" | "mutation" | "action", "public" | "internal">;

/**
 * Runs a function of a deployment, public or internal, as `npx convex run` does.
 *
 * @throws The function's error, or that of a deployment that refuses the call.
 */
export async function runAsAdmin<Of extends AnyFunction>(
  { url, adminKey }: AdministeredDeployment,
  reference: Of,
  args: Record<string, Value> = {},
): Promise<FunctionReturnType<Of>> {
  const response = await fetch(`${url}/api/function`, {
    method: "POST",
    headers: { authorization: `Convex ${adminKey}`, "content-type": "application/json" },
    body: JSON.stringify({ path: getFunctionName(reference), args: convexToJson(args), format: "convex_encoded_json" }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${getFunctionName(reference)}: ${url} answers ${response.status}: ${text}`);
  const answer = JSON.parse(text) as { status: string; value: JSONValue; errorMessage?: string };
  if (answer.status === "success") return jsonToConvex(answer.value) as FunctionReturnType<Of>;
  throw new Error(`${getFunctionName(reference)}: ${answer.errorMessage}`);
}
