import type { Transport } from "../../model/app.js";
import { envRemove } from "../convexCli.js";
import { deleteWebhookStream, findWebhookStream, isOurStream } from "../logStreams.js";
import type { Context } from "./context.js";

/** The variables that a deployment needs for the transports that read its log. */
const VARIABLES = { logStream: "LAZY_VIEWS_STREAM_SECRET", logTail: "LAZY_VIEWS_LOG_KEY" } as const;

type Other = keyof typeof VARIABLES;

/**
 * Ends the other transport that reads the log, with `--transport` and `--fix`; else warns, and says how to end it. With
 * both, each effect is carried twice: the second one is dropped as a duplicate, and costs money.
 */
export async function endOthers(context: Context, transport: Transport): Promise<void> {
  const { options, variables, report, app } = context;
  for (const other of Object.keys(VARIABLES) as Other[]) {
    const name = VARIABLES[other];
    if (other === transport || !variables[name] || !app.transports.includes(other)) continue;
    if (options.fix && options.transport && (await end[other](context))) continue;
    const command =
      context.deployment.key === null && other === "logStream"
        ? `To end it, delete the log stream in the dashboard under Settings → Integrations, and run \`npx convex env remove ${name}\`.`
        : `\`npx convex-lazy-views connect --transport ${transport} --fix\` ends it.`;
    report.warned(`${name} is set, so ${other} carries effects as well, and you pay for both. ${command}`);
  }
}

/** Ends a transport. Returns false where it cannot be ended from here. */
const end: Record<Other, (context: Context) => Promise<boolean>> = {
  async logTail(context) {
    await remove(context, "LAZY_VIEWS_LOG_KEY");
    context.report.changed("Ended the log tail: removed LAZY_VIEWS_LOG_KEY.");
    return true;
  },
  async logStream(context) {
    const { deployment, report } = context;
    // Without a key, the stream cannot be deleted. If only its secret were removed, it would post in vain.
    if (deployment.key === null) return false;
    const stream = await findWebhookStream(deployment);
    if (stream && isOurStream(deployment, stream)) await deleteWebhookStream(deployment, stream);
    await remove(context, "LAZY_VIEWS_STREAM_SECRET");
    await remove(context, "LAZY_VIEWS_STREAM_SECRET_PREVIOUS");
    report.changed("Ended the log stream: deleted it, and removed LAZY_VIEWS_STREAM_SECRET.");
    return true;
  },
};

async function remove({ deployment, variables }: Context, name: string): Promise<void> {
  if (variables[name] === undefined) return;
  await envRemove(deployment, name);
  delete variables[name];
}
