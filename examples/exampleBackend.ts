import { randomBytes } from "node:crypto";
import { type LogStreamOptions, startBackend } from "./backend";
import type { FunctionLogOptions } from "./backend/functionLog/log";
import { components } from "./components";
import schema from "./convex/schema";
import { modules } from "./modules";
import { noteOf } from "./storyNotes";
import type { Transport } from "./transports";
import { unsealed, unsealedResult } from "./unsealed";

/** What `startExampleBackend` takes. */
export interface ExampleBackendOptions {
  /** How effects leave queries; null for a deployment that nothing is set up on yet. Default: `"logStream"`. */
  transport?: Transport | null;
  /** How often the log stream delivers, in ms; a real one does every 5,000, and so does this one by default. */
  intervalMs?: number;
  /** Default: any free port. */
  port?: number;
  /** How much the function log keeps. Default: as Convex, 1,000 completions. */
  functionLog?: FunctionLogOptions;
}

/** The example app on the embedded backend, with secrets of its own and what the transport needs. */
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
