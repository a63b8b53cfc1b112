import { type BrowserServer, chromium } from "playwright-core";
import type { TestProject } from "vitest/node";
import { WAIT_LIMIT_MS } from "../limits";

declare module "vitest" {
  export interface ProvidedContext {
    /** Where the browser takes connections. */
    browser: string;
  }
}

/** Starts the one browser of a run, which the tests connect to. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const server = await launchChromium();
  project.provide("browser", server.wsEndpoint());
  return () => server.close();
}

/**
 * Starts the headless Chromium that `@sparticuz/chromium` carries. That package has the shared libraries and fonts too,
 * which a plain machine may lack, but unpacks them only where it believes to run on AWS Lambda, and sets the environment
 * for them, which is not for the tests' other child processes. Its recommended arguments are Lambda's as well (one
 * process, no web security): a test wants a browser like everybody's.
 */
async function launchChromium(): Promise<BrowserServer> {
  const environment = { ...process.env };
  process.env.AWS_LAMBDA_JS_RUNTIME ??= "nodejs20.x";
  try {
    const { default: packaged } = await import("@sparticuz/chromium");
    return await chromium.launchServer({
      executablePath: await packaged.executablePath(),
      args: ["--no-sandbox"],
      timeout: WAIT_LIMIT_MS,
    });
  } finally {
    for (const name of Object.keys(process.env)) delete process.env[name];
    Object.assign(process.env, environment);
  }
}
