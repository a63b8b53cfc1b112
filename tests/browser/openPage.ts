import { type Browser, chromium, type Page } from "playwright-core";
import { beforeEach, inject } from "vitest";
import { WAIT_LIMIT_MS } from "../limits";

/** A page of the tests' browser. */
export interface OpenPage {
  page: Page;
  /** The page's console lines so far, and its uncaught errors. */
  printed: string[];
  close(): Promise<void>;
}

/** Lines that Vite and React always print in development. */
const OF_DEVELOPMENT = ["[vite] connect", "%cDownload the React DevTools"];

/** Opens an empty page, whose actions and assertions wait up to `WAIT_LIMIT_MS`. */
export async function openPage(): Promise<OpenPage> {
  const browser: Browser = await chromium.connect(inject("browser"), { timeout: WAIT_LIMIT_MS });
  const page = await browser.newPage();
  page.setDefaultTimeout(WAIT_LIMIT_MS);
  const printed: string[] = [];
  page.on("pageerror", (error) => printed.push(error.message));
  page.on("console", (message) => {
    const text = message.text();
    if (!OF_DEVELOPMENT.some((each) => text.startsWith(each))) printed.push(`${message.type()}: ${text}`);
  });
  return { page, printed, close: () => browser.close() };
}

/** Prints what the page shows when a test of this file fails. */
export function printOnFailure(getPage: () => Page): void {
  beforeEach(({ onTestFailed }) => {
    onTestFailed(async () => {
      console.error(`The page shows:\n${await getPage().locator("body").ariaSnapshot()}`);
    });
  });
}
