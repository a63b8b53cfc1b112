import type { Locator, Page } from "playwright-core";
import { beforeAll, expect, test } from "vitest";
import { openTab } from "../openTab";
import { recordTexts } from "../recordTexts";

export function quotaTab(getPage: () => Page): void {
  const account = (name: string) => getPage().getByRole("article", { name });
  const acme = () => account("Acme");
  const press = (name: string) => acme().getByRole("button", { name }).click();

  beforeAll(() => openTab(getPage(), "Quota"));

  test("the first click goes past the limit, and the query that shows the account has it locked", async () => {
    await shows(acme(), "90 of 100 units", "open");
    const seen = await recordTexts(acme(), ".badge");
    await acme().getByRole("button").first().click();
    await shows(acme(), "110 of 100 units", "locked");
    expect(await seen()).toEqual(["open", "open, adding up", "over, being locked", "locked"]);
    expect(await acme().getByRole("button", { name: /^Use/ }).count()).toBe(0);
  });

  test("unlocked, it is open in the next period, until one click goes past the limit again", async () => {
    await shows(acme(), "locked");
    const seen = await recordTexts(acme(), ".badge");
    await press("Unlock");
    await shows(acme(), "period 2", "0 of 100 units", "open");
    await press("Use 5 units");
    await shows(acme(), "5 of 100 units", "open");
    expect(await seen()).toEqual(["locked", "open, adding up", "open", "open, adding up", "open"]);
    await press("Use 105 units");
    await shows(acme(), "110 of 100 units", "locked");
  });

  test("a limit below what was used has the account locked", async () => {
    const globex = account("Globex");
    await shows(globex, "180 of 250 units", "open");
    await globex.getByText("Change the limit").click();
    const form = globex.getByRole("form", { name: "Limit of Globex" });
    await form.getByLabel("Units in a period").fill("5");
    await form.getByRole("button", { name: "Change" }).click();
    await shows(globex, "180 of 5 units", "locked");
  });
}

async function shows(account: Locator, ...texts: string[]): Promise<void> {
  for (const text of texts) await account.getByText(text, { exact: true }).waitFor();
}
