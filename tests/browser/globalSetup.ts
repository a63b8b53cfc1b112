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
    /** The address at which the browser accepts connections. */
    browser: string;
  }
}

/** Starts the browser that all tests of a run connect to. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const server = await launchChromium();
  project.provide("browser", server.wsEndpoint());
  return () => server.close();
}

/**
 * Starts the headless Chromium of `@sparticuz/chromium`, without the arguments that it recommends: these are for Lambda
 * (one process, no web security), and tests need an ordinary browser.
 */
async function launchChromium(): Promise<BrowserServer> {
  const { TMPDIR } = process.env;
  try {
    const executablePath = await unpackChromium();
    const env = { ...process.env, TMPDIR };
    const args = ["--no-sandbox"];
    return await chromium.launchServer({ executablePath, args, env, timeout: WAIT_LIMIT_MS });
  } finally {
    // The package's variables are for the browser alone, not for the other child processes of the tests.
    putBackEnvironment();
  }
}

/**
 * Unpacks the browser, unless an earlier run did, and sets its environment. The package also has the shared libraries and
 * fonts, which a plain machine may lack, but unpacks them only on AWS Lambda, according to the environment. It takes any
 * files in its folder as complete, even those of an interrupted run.
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
 * Sets the folder of the browser's fonts, without which it shows no text. The package sets /tmp, and the folder of an
 * earlier run is wrong if the repository was moved since.
 */
async function nameFonts(): Promise<void> {
  const file = join(CHROMIUM, "fonts", "fonts.conf");
  const before = await readFile(file, "utf8");
  const after = before.replace(/(?<=dir>)(?!\/var\/task|\/opt)[^<]+(?=\/fonts(-cache\/)?<)/g, CHROMIUM);
  if (after !== before) await writeFile(file, after);
}
