import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import type { AxeResults } from "axe-core";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { activity } from "./activity";
import { openTab } from "./openTab";

const PHONE = { width: 390, height: 844 };
const DESK = { width: 1440, height: 900 };
const tabs = ["Rollups", "Permissions", "Tracking", "Search", "Quota"];

/** Tests that every tab passes, after the tests that use it. */
export function everyTab(getPage: () => Page): void {
  let source: string;

  beforeAll(async () => {
    source = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
  });
  afterAll(async () => {
    await getPage().emulateMedia({ colorScheme: null, reducedMotion: null });
    await getPage().setViewportSize(DESK);
  });

  /** The violations that axe finds on the page. */
  async function violations(): Promise<string[]> {
    await getPage().addScriptTag({ content: source });
    const found: AxeResults = await getPage().evaluate("axe.run()");
    return found.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
  }

  test.each(tabs)("%s on a desktop: its activity is shown in words beside it, and axe finds nothing", async (name) => {
    const page = getPage();
    await page.setViewportSize(DESK);
    await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
    await openTab(page, name);
    const told = await activity(page, /Read: [\s\S]*Delivery: the log stream carried[\s\S]*(Recompute|Run): /);
    expect(told.join("\n")).not.toMatch(/[{}[\]]|\d{10}|undefined|one without a name/);
    expect(await page.getByRole("button", { name: "Show the activity" }).isVisible()).toBe(false);
    expect(await violations()).toEqual([]);
  });

  test.each(tabs)("%s on a phone: the activity and the code are a tap away, and axe finds nothing", async (name) => {
    const page = getPage();
    await page.setViewportSize(PHONE);
    await page.emulateMedia({ colorScheme: "dark", reducedMotion: "reduce" });
    await openTab(page, name);
    const newest = page.locator(".episode").first();
    await newest.waitFor({ state: "attached" });
    expect(await newest.isVisible()).toBe(false);
    await page.getByRole("button", { name: "Show the activity" }).click();
    await newest.waitFor();
    expect(await violations()).toEqual([]);
    await page.getByRole("button", { name: "Hide the activity" }).click();
    await newest.waitFor({ state: "hidden" });

    await page.getByRole("link", { name: "Show the code" }).click();
    const files = page.getByRole("navigation", { name: "Files" }).getByRole("link");
    for (const file of await files.allTextContents()) {
      await files.filter({ hasText: file }).click();
      await page.getByRole("region", { name: file }).getByText("import ").waitFor();
    }
    expect(await violations()).toEqual([]);
    expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(PHONE.width);
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
  });
}
