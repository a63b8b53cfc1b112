import { randomBytes } from "node:crypto";
import { type LogStreamOptions, startBackend } from "./backend";
import type { FunctionLogOptions } from "./backend/functionLog/log";
import { components } from "./components";
import schema from "./convex/schema";
import { modules } from "./modules";
import { noteOf } from "./storyNotes";
import type { Transport } from "./transports";
import { unsealed, unsealedResult } from "./unsealed";

export interface ExampleBackendOptions {
  /** How effects leave queries; null for a deployment without any setup. Default: `"logStream"`. */
  transport?: Transport | null;
  /** How often the log stream delivers, in ms. Default: 5,000, as Convex does. */
  intervalMs?: number;
  /** Default: any free port. */
  port?: number;
  /** How much the function log keeps. Default: 1,000 completions, as Convex does. */
  functionLog?: FunctionLogOptions;
}

/** Starts the example app on the embedded backend, with new secrets, and sets up the transport. */
export async function startExampleBackend(options: ExampleBackendOptions) {
  const { transport = "logStream", intervalMs, port = 0, functionLog = {} } = options;
  const sealSecret = randomBytes(32).toString("hex");
  const logKey = `logs|${randomBytes(32).toString("hex")}`;
  const secret = randomBytes(32).toString("hex");
  const logStream: LogStreamOptions = { path: "/lazy-views/effects", secret, ...(intervalMs && { intervalMs }) };
  return await startBackend({
    schema,
    modules,
    components,
    port,
    logKey,
    functionLog,
    env: {
      ...(transport !== null && { LAZY_VIEWS_SECRET: sealSecret }),
      ...(transport === "logStream" && { LAZY_VIEWS_STREAM_SECRET: secret }),
      ...(transport === "logTail" && { LAZY_VIEWS_LOG_KEY: logKey }),
    },
    readable: (message) => unsealed(message, sealSecret),
    noteOf,
    readableResult: (result) => unsealedResult(result, sealSecret),
    ...(transport === "logStream" && { logStream }),
  });
}
