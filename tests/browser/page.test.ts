import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Program, startProgram } from "../program";
import { everyTab } from "./everyTab";
import { oneMessageAtATime } from "./oneMessageAtATime";
import { type OpenPage, openPage, printOnFailure } from "./openPage";
import { openTab } from "./openTab";
import { permissionsTab } from "./tabs/permissions";
import { quotaTab } from "./tabs/quota";
import { card, isFresh, rollupsTab } from "./tabs/rollups";
import { searchTab } from "./tabs/search";
import { trackingTab } from "./tabs/tracking";

// All examples use one page of one demo, since starting the demo takes longest.
let demo: Program;
let url: string;
let opened: OpenPage;
let page: Page;

beforeAll(async () => {
  demo = startProgram("examples/start.ts", "demo", "--interval", "300");
  url = (await demo.prints(/^http:.*$/m)).trim();
  opened = await openPage();
  page = opened.page;
  await oneMessageAtATime(page);
  await page.goto(url);
});

afterAll(async () => {
  await opened?.close();
  demo?.interrupt();
  expect((await demo?.ends())?.code).toBe(0);
});

const getPage = () => page;
printOnFailure(getPage);
describe("rollups", () => rollupsTab(getPage));
describe("permissions", () => permissionsTab(getPage));
describe("tracking", () => trackingTab(getPage));
describe("search", () => searchTab(getPage));
describe("quota", () => quotaTab(getPage));

test("each example has its own address, and is alone on the page", async () => {
  const tabs = page.getByRole("navigation", { name: "Examples" }).getByRole("link");
  expect(await tabs.allTextContents()).toEqual(["Rollups", "Permissions", "Tracking", "Search", "Quota"]);
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

describe("every tab", () => everyTab(getPage));

test("while effects were raised, the browser's console stayed empty", () => {
  expect(opened.printed).toEqual([]);
});

test("without a trace the timeline gives way to a hint, and the cards work", async () => {
  const { page: other, close } = await openPage();
  await other.route("**/_trace", (route) => route.fulfill({ status: 404 }));
  await other.goto(url);
  await other.getByText("This deployment has no trace").waitFor();
  await isFresh(card(other, "ORD"));
  await close();
});
