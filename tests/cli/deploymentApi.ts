import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";
import type { ShopBackend } from "./commandLine";

/** The library's variables on the deployment. */
export async function settings(backend: ShopBackend): Promise<Record<string, string>> {
  const { environmentVariables } = await call(backend, "list_environment_variables");
  const all = Object.entries(environmentVariables as Record<string, string>);
  return Object.fromEntries(all.filter(([name]) => name.startsWith("LAZY_VIEWS_")));
}

/** Calls an endpoint of the deployment's API. */
export async function call(backend: ShopBackend, path: string, body?: object) {
  const response = await fetch(`${backend.url}/api/v1/${path}`, {
    method: body === undefined ? "GET" : "POST",
    headers: { authorization: `Convex ${backend.adminKey}`, "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${path}: ${response.status} ${text}`);
  return text === "" ? null : JSON.parse(text);
}

/** The URL to which the library's log stream posts. */
export const effectsUrl = ({ siteUrl }: ShopBackend) => `${siteUrl}/lazy-views/effects`;

/** Creates a webhook stream. */
export const createStream = (backend: ShopBackend, stream: { url: string; topics: string[] | null }) =>
  call(backend, "create_log_stream", { logStreamType: "webhook", format: "json", ...stream });

/** The deliveries of the log stream that the route refused. Those without an answer were interrupted. */
export const refused = (backend: ShopBackend) =>
  backend.trace
    .history()
    .filter((event) => event.type === "delivery")
    .map(({ status }) => status)
    .filter((status) => status !== 200 && status !== null);

/**
 * Stands in for Convex's cloud, from which the official CLI gets the deployment of a key, of a name or of a project.
 *
 * @returns Its URL.
 */
export async function startConvex({ url, adminKey }: ShopBackend): Promise<string> {
  const deployment = { url, adminKey, deploymentName: "shop", deploymentType: "prod", reference: "prod" };
  const server = createServer((request, response) => {
    const isUrl = request.url === "/api/deployment/url_for_key";
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify(isUrl ? url : { ...deployment, team: "team", project: "shop", isDefault: true }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
