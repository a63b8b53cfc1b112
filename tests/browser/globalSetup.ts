import { existsSync, realpathSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type BrowserServer, chromium } from "playwright-core";
import type { TestProject } from "vitest/node";
import { putBackEnvironment } from "../environment";
import { WAIT_LIMIT_MS } from "../limits";

const CHROMIUM = join(realpathSync(fileURLToPath(new URL("../../node_modules", import.meta.url))), ".cache/chromium");

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
 * Starts the headless Chromium that `@sparticuz/chromium` carries. Its recommended arguments are Lambda's (one process,
 * no web security): a test wants a browser like everybody's.
 */
async function launchChromium(): Promise<BrowserServer> {
  const { TMPDIR } = process.env;
  try {
    const executablePath = await unpackChromium();
    const env = { ...process.env, TMPDIR };
    const args = ["--no-sandbox"];
    return await chromium.launchServer({ executablePath, args, env, timeout: WAIT_LIMIT_MS });
  } finally {
    // What the package has set is for the browser, and not for the other child processes of the tests.
    putBackEnvironment();
  }
}

/**
 * Unpacks the browser, unless an earlier run did, and sets the environment for it. The package has the shared libraries
 * and fonts too, which a plain machine may lack, but unpacks them only where it believes to run on AWS Lambda. It takes
 * whatever is in its folder for complete, also what an interrupted run has left.
 *
 * @returns The path of the executable.
 */
async function unpackChromium(): Promise<string> {
  const complete = join(CHROMIUM, "complete");
  if (!existsSync(complete)) await rm(CHROMIUM, { recursive: true, force: true });
  await mkdir(CHROMIUM, { recursive: true });
  process.env.TMPDIR = CHROMIUM;
  process.env.AWS_LAMBDA_JS_RUNTIME ??= "nodejs20.x";
  const { default: packaged } = await import("@sparticuz/chromium");
  const path = await packaged.executablePath();
  await nameFonts();
  if (!existsSync(complete)) await writeFile(complete, "");
  return path;
}

/**
 * Tells the browser where its fonts are: without them it shows no text at all. The package says /tmp; an earlier run
 * may have named a place from which the repository has been moved since.
 */
async function nameFonts(): Promise<void> {
  const file = join(CHROMIUM, "fonts", "fonts.conf");
  const before = await readFile(file, "utf8");
  const after = before.replace(/(?<=dir>)(?!\/var\/task|\/opt)[^<]+(?=\/fonts(-cache\/)?<)/g, CHROMIUM);
  if (after !== before) await writeFile(file, after);
}
