import { type Browser, chromium, type Page } from "playwright-core";
import { beforeEach, inject } from "vitest";
import { WAIT_LIMIT_MS } from "../limits";

/** A page of the tests' browser. */
export interface OpenPage {
  page: Page;
  /** Errors and warnings of the page so far. */
  complaints: string[];
  close(): Promise<void>;
}

/** Opens an empty page. What a test does with it waits for it as long as `WAIT_LIMIT_MS`. */
export async function openPage(): Promise<OpenPage> {
  const browser: Browser = await chromium.connect(inject("browser"), { timeout: WAIT_LIMIT_MS });
  const page = await browser.newPage();
  page.setDefaultTimeout(WAIT_LIMIT_MS);
  const complaints: string[] = [];
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(message.text());
  });
  return { page, complaints, close: () => browser.close() };
}

/** Prints what the page shows when a test of this file fails. */
export function printOnFailure(getPage: () => Page): void {
  beforeEach(({ onTestFailed }) => {
    onTestFailed(async () => {
      console.error(`The page shows:\n${await getPage().locator("body").ariaSnapshot()}`);
    });
  });
}
