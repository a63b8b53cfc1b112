import type { Locator, Page } from "playwright-core";
import { expect, test } from "vitest";
import { stepKinds } from "../../../examples/page/shared/story";
import { recordTexts } from "../recordTexts";

export function rollupsTab(getPage: () => Page): void {
  const airport = (code: string) => card(getPage(), code);

  test("cards that were never computed become fresh by being read", async () => {
    for (const code of ["ORD", "DFW", "ATL", "LAX"]) await isFresh(airport(code));
    expect(
      await getPage()
        .getByRole("article", { name: /^[A-Z]{3} / })
        .count(),
    ).toBe(4);
    expect(await flights(airport("ORD"))).toBe(334);
  });

  test("the whole network is one card", async () => {
    const network = networkCard(getPage());
    await isFresh(network);
    expect(await network.getByRole("definition").allTextContents()).toEqual([
      "3,000",
      "+7.2min",
      "0.0min",
      "+62.0min",
      "+509.0min",
    ]);
  });

  test("after a write, a card shows the old value as stale, then the new one as fresh, and the timeline tells how", async () => {
    const [ord, network] = [airport("ORD"), networkCard(getPage())];
    const [before, all] = [await flights(ord), await flights(network)];
    const seen = await recordTexts(ord, ".badge", "dd");
    await ord.getByRole("button", { name: "Add a delayed flight" }).click();
    await showsFlights(ord, before + 1);
    expect(await seen()).toEqual([`fresh ${before}`, `stale · recomputing ${before}`, `fresh ${before + 1}`]);
    await showsFlights(network, all + 1);
    const episode = await ended(getPage(), "1 delayed flight, ORD");
    const steps = episode.locator(".step");
    const told = await steps.evaluateAll((items) => items.map((item) => item.dataset.step));
    expect(told).toEqual(stepKinds);
  });

  test("twenty flights at once lead to one recompute of each row that is read", async () => {
    const [lax, network] = [airport("LAX"), networkCard(getPage())];
    const [, destination = ""] = /to (\w+),/.exec((await lax.textContent()) ?? "") ?? [];
    const read = 2 + (await airport(destination).count()); // LAX, the network, perhaps the destination
    const [before, all] = [await flights(lax), await flights(network)];
    const recomputed = await total(getPage(), "recomputes");
    await lax.getByRole("button", { name: "20 flights at once" }).click();
    await showsFlights(lax, before + 20);
    await showsFlights(network, all + 20);
    await ended(getPage(), "20 delayed flights, LAX");
    await expect.poll(() => total(getPage(), "recomputes")).toBe(recomputed + read);
  });

  test("a card says what it is computed from, and what has marked it", async () => {
    const dfw = airport("DFW");
    await dfw.getByText("What is this computed from?").click();
    const why = dfw.locator(".why li");
    await dfw.getByText("Nothing of it has changed since").waitFor();
    expect((await why.allTextContents()).slice(0, -1).sort()).toEqual([
      'flights: destination = "DFW"',
      'flights: origin = "DFW"',
    ]);
    const seen = await recordTexts(dfw, ".why li:last-child");
    const before = await flights(dfw);
    await dfw.getByRole("button", { name: "Add a delayed flight" }).click();
    await showsFlights(dfw, before + 1);
    await dfw.getByText("Nothing of it has changed since").waitFor();
    expect(await seen()).toContainEqual(expect.stringMatching(/^Marked by insert into flights at \d/));
  });

  test("only chosen airports have a card", async () => {
    const phoenix = getPage().getByRole("button", { name: "PHX" });
    await phoenix.click();
    await isFresh(airport("PHX"));
    await phoenix.click();
    await airport("PHX").waitFor({ state: "detached" });
  });
}

/** The card of an airport. */
export function card(page: Page, airport: string): Locator {
  return page.getByRole("article", { name: new RegExp(`^${airport} `) });
}

export async function isFresh(of: Locator): Promise<void> {
  await of.and(of.page().locator("[data-state=fresh]")).waitFor();
}

function networkCard(page: Page): Locator {
  return page.getByRole("article", { name: "All airports" });
}

/** How many flights a card shows, once it is fresh. */
async function flights(of: Locator): Promise<number> {
  await isFresh(of);
  const text = await flightsText(of).evaluate((node) => node.firstChild?.textContent);
  return Number(text?.replaceAll(",", ""));
}

function flightsText(of: Locator): Locator {
  return of.getByRole("definition").first();
}

async function showsFlights(of: Locator, count: number): Promise<void> {
  await flightsText(of).getByText(count.toLocaleString("en")).waitFor();
  await isFresh(of);
}

async function ended(page: Page, title: string): Promise<Locator> {
  const episode = page.locator(".episode[data-over=true]").filter({ hasText: title });
  await episode.waitFor();
  return episode;
}

async function total(page: Page, name: string): Promise<number> {
  const item = page.locator(".total").filter({ hasText: name });
  return Number(await item.getByRole("definition").textContent());
}
