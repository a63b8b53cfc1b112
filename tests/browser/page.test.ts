import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { launchChromium } from "./chromium";
import { startDemo } from "./demo";
import { openTab } from "./openTab";
import { permissionsTab } from "./tabs/permissions";
import { quotaTab } from "./tabs/quota";
import { card, isFresh, rollupsTab } from "./tabs/rollups";
import { searchTab } from "./tabs/search";
import { trackingTab } from "./tabs/tracking";

// Every example through one page in one browser, of one demo, which takes the longest to start.
let demo: Awaited<ReturnType<typeof startDemo>>;
let browser: Browser;
let page: Page;
const complaints: string[] = [];

beforeAll(async () => {
  [demo, browser] = await Promise.all([startDemo({ intervalMs: 300 }), launchChromium()]);
  page = await browser.newPage();
  page.setDefaultTimeout(15_000); // so that what never came is named before the test is over
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(message.text());
  });
  await page.goto(demo.url);
}, 120_000);

afterAll(async () => {
  await browser?.close();
  expect(await demo?.stop()).toBe(0);
});

const getPage = () => page;
describe("rollups", () => rollupsTab(getPage));
describe("permissions", () => permissionsTab(getPage));
describe("tracking", () => trackingTab(getPage));
describe("search", () => searchTab(getPage));
describe("quota", () => quotaTab(getPage));

test("each example has its own address, and is alone on the page", async () => {
  const tabs = page.getByRole("navigation", { name: "Examples" }).getByRole("link");
  expect(await tabs.allTextContents()).toEqual([
    "Rollups",
    "Permissions",
    "Tracking",
    "Search",
    "Quota",
  ]);
  await openTab(page, "Rollups");
  await openTab(page, "Search");
  await page.reload();
  expect(new URL(page.url()).hash).toBe("#/search");
  expect(await page.locator(".tab[aria-current=page]").allTextContents()).toEqual(["Search"]);
  await page.getByRole("heading", { name: "Activity" }).waitFor();
  expect(await card(page, "ORD").count()).toBe(0);
  await page.goBack();
  await isFresh(card(page, "ORD"));
});

test("the browser had nothing to complain about", () => {
  expect(complaints).toEqual([]);
});

test("without a trace the timeline gives way to a hint, and the cards work", async () => {
  const other = await browser.newPage();
  await other.route("**/_trace", (route) => route.fulfill({ status: 404 }));
  await other.goto(demo.url);
  await other.getByText("This deployment has no trace").waitFor();
  await isFresh(card(other, "ORD"));
  await other.close();
});
