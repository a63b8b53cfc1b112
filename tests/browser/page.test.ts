import type { Browser, Locator, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { stepKinds } from "../../examples/page/story";
import { launchChromium } from "./chromium";
import { startDemo } from "./demo";

let demo: Awaited<ReturnType<typeof startDemo>>;
let browser: Browser;
let page: Page;
const complaints: string[] = [];

beforeAll(async () => {
  [demo, browser] = await Promise.all([startDemo({ intervalMs: 300 }), launchChromium()]);
  page = await browser.newPage();
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

test("cards that were never computed become fresh by being read", async () => {
  for (const airport of ["ORD", "DFW", "ATL", "LAX"]) await isFresh(card(airport));
  expect(await page.getByRole("article").count()).toBe(4);
  expect(await flights(card("ORD"))).toBe(334);
});

test("after a write, a card shows the old value as stale, then the new one as fresh", async () => {
  const ord = card("ORD");
  const seen = await recordChanges(ord);
  await ord.getByRole("button", { name: "Add a delayed flight" }).click();
  await showsFlights(ord, 335);
  expect(await seen()).toEqual(["fresh 334", "stale 334", "fresh 335"]);
});

test("the timeline tells the steps of the write in order", async () => {
  const episode = await ended("1 delayed flight, ORD");
  const steps = episode.locator(".step");
  const told = await steps.evaluateAll((items) => items.map((item) => item.dataset.step));
  expect(told).toEqual(stepKinds);
});

test("twenty flights at once lead to one recompute of each row", async () => {
  const lax = card("LAX");
  const [, destination = ""] = /to (\w+),/.exec((await lax.textContent()) ?? "") ?? [];
  const watched = await card(destination).count();
  const [before, recomputed] = [await flights(lax), await total("recomputes")];
  await lax.getByRole("button", { name: "20 flights at once" }).click();
  await showsFlights(lax, before + 20);
  await ended("20 delayed flights, LAX");
  expect((await total("recomputes")) - recomputed).toBe(1 + watched);
});

test("only chosen airports have a card", async () => {
  await page.getByRole("button", { name: "PHX" }).click();
  await isFresh(card("PHX"));
  await page.getByRole("button", { name: "PHX" }).click();
  await card("PHX").waitFor({ state: "detached" });
});

test("the browser had nothing to complain about", () => {
  expect(complaints).toEqual([]);
});

test("without a trace the timeline gives way to a hint, and the cards work", async () => {
  const other = await browser.newPage();
  await other.route("**/_trace", (route) => route.fulfill({ status: 404 }));
  await other.goto(demo.url);
  await other.getByText("This deployment has no trace").waitFor();
  await isFresh(card("ORD", other));
  await other.close();
});

function card(airport: string, on = page): Locator {
  return on.getByRole("article", { name: new RegExp(`^${airport} `) });
}

async function isFresh(of: Locator): Promise<void> {
  await of.and(of.page().locator("[data-state=fresh]")).waitFor();
}

async function flights(of: Locator): Promise<number> {
  return Number(await flightsText(of).evaluate((node) => node.firstChild?.textContent));
}

function flightsText(of: Locator): Locator {
  return of.getByRole("definition").first();
}

async function showsFlights(of: Locator, count: number): Promise<void> {
  await flightsText(of).getByText(String(count)).waitFor();
  await isFresh(of);
}

async function ended(title: string): Promise<Locator> {
  const episode = page.locator(".episode[data-over=true]").filter({ hasText: title });
  await episode.waitFor();
  return episode;
}

async function total(name: string): Promise<number> {
  const item = page.locator(".total").filter({ hasText: name });
  return Number(await item.getByRole("definition").textContent());
}

/** Records every state and number of flights that the card shows, however short. */
async function recordChanges(of: Locator): Promise<() => Promise<string[]>> {
  const recording = await of.evaluateHandle((article) => {
    const shown = () => {
      const flightsShown = article.querySelector("dd")?.firstChild?.textContent;
      return `${article.dataset.state} ${flightsShown}`;
    };
    const seen = [shown()];
    new MutationObserver(() => {
      if (seen.at(-1) !== shown()) seen.push(shown());
    }).observe(article, { attributes: true, childList: true, characterData: true, subtree: true });
    return seen;
  });
  return () => recording.jsonValue();
}
