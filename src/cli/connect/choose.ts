import { TRANSPORTS, type Transport } from "../../model/app.js";
import { HOW_TO_MAKE_A_KEY } from "../api.js";
import { CliError, note } from "../output.js";
import { choose, isInteractive } from "../prompts.js";
import { exportRemedy } from "./app.js";
import type { Context } from "./context.js";

const ABOUT: Record<Transport, string> = {
  logStream: "the log stream posts them every 5 s; on Pro, self-hosted, local",
  logTail: "an action reads the log, in under a second; on every plan; needs a key",
  client: "your clients forward them; they use this library's wrappers",
};

const LONGEST_NAME = Math.max(...TRANSPORTS.map(({ length }) => length));

/**
 * Chooses the transport to set up: the one of `--transport`; else the one that the deployment has; else the one that
 * the user chooses; else the first that is possible.
 *
 * @returns The transport; `isFixed` when no other one may take its place if the deployment refuses it.
 * @throws CliError with the remedy, when it is not possible, or none is.
 */
export async function chooseTransport(context: Context): Promise<{ transport: Transport; isFixed: boolean }> {
  const { options, variables, app } = context;
  if (options.transport) {
    const obstacle = obstacleTo(options.transport, context);
    if (obstacle) throw new CliError(`The transport ${options.transport} cannot be set up. ${obstacle}`);
    return { transport: options.transport, isFixed: true };
  }
  const possible = TRANSPORTS.filter((transport) => !obstacleTo(transport, context));
  const inUse: Transport[] = [];
  if (variables.LAZY_VIEWS_STREAM_SECRET) inUse.push("logStream");
  if (variables.LAZY_VIEWS_LOG_KEY) inUse.push("logTail");
  const current = inUse.find((transport) => possible.includes(transport));
  if (current) return { transport: current, isFixed: true };
  const [first] = possible;
  if (first === undefined) {
    const allowed = TRANSPORTS.filter((transport) => app.transports.includes(transport));
    const obstacles = allowed.map((transport) => `- ${transport}: ${obstacleTo(transport, context)}`);
    throw new CliError(`No transport can be set up:\n${obstacles.join("\n")}`);
  }
  for (const transport of TRANSPORTS) {
    const obstacle = app.transports.includes(transport) && obstacleTo(transport, context);
    if (obstacle) note(`${transport} cannot be set up now: ${obstacle}`);
  }
  if (options.yes || possible.length === 1 || !isInteractive()) return { transport: first, isFixed: false };
  // In the labels, because a hint would be shown for the highlighted choice only.
  const choices = possible.map((value) => ({ value, label: `${value.padEnd(LONGEST_NAME)}  ${ABOUT[value]}` }));
  return { transport: await choose("How should effects leave your queries?", choices), isFixed: true };
}

/** Why a transport cannot be set up, with the remedy; null when nothing is in its way. */
export function obstacleTo(transport: Transport, { app, deployment, variables }: Context): string | null {
  const { module, exports, transports, hasRoute } = app;
  if (!transports.includes(transport)) {
    const list = [...transports, transport].map((name) => `"${name}"`).join(", ");
    return `convex/${module}.ts must have new LazyViews({ …, transports: [${list}] }); push it by \`npx convex dev --once\`.`;
  }
  const needed = { logStream: null, logTail: "tail", client: "forward" }[transport];
  if (needed && !exports.includes(needed)) return exportRemedy(module, needed);
  if (transport !== "logStream") return null;
  if (!hasRoute) {
    return "convex/http.ts must call `lazy.registerRoutes(http);` before `export default http;`. Write the line, and push it with `npx convex dev --once`.";
  }
  if (deployment.key === null && !variables.LAZY_VIEWS_STREAM_SECRET) {
    return `Creating the log stream needs a key. ${HOW_TO_MAKE_A_KEY}`;
  }
  return null;
}
