import type { Locator, Page } from "playwright-core";
import { beforeAll, expect, test } from "vitest";
import { openTab } from "../openTab";
import { recordTexts } from "../recordTexts";

export function quotaTab(getPage: () => Page): void {
  const acme = () => getPage().getByRole("article", { name: "Acme" });
  const press = (name: string) => acme().getByRole("button", { name }).click();

  beforeAll(() => openTab(getPage(), "Quota"));

  test("an account past its limit is shown at once, then locked by having been shown, and open again in the next period", async () => {
    await shows(acme(), "30 of 100 units");
    const seen = await recordTexts(acme(), ".badge");
    await press("Use 60 units");
    await shows(acme(), "90 of 100 units");
    await press("Use 60 units");
    await shows(acme(), "150 of 100 units", "locked");
    expect(await seen()).toEqual(["open", "over · being locked", "locked"]);

    const unlocked = await recordTexts(acme(), ".badge");
    await press("Unlock");
    await shows(acme(), "period 2", "0 of 100 units", "open");
    await press("Use 10 units");
    await shows(acme(), "10 of 100 units", "open");
    expect(await unlocked()).toEqual(["locked", "open"]);
  });

  test("a limit below what was used has the account locked", async () => {
    const units = /(\d+) of \d+ units/;
    await acme().getByText(units).waitFor();
    const [, used] = units.exec((await acme().textContent()) ?? "") ?? [];
    const form = acme().getByRole("form", { name: "Limit of Acme" });
    await form.getByLabel("Limit").fill("5");
    await form.getByRole("button", { name: "Change" }).click();
    await shows(acme(), `${used} of 5 units`, "locked");
  });
}

async function shows(account: Locator, ...texts: string[]): Promise<void> {
  for (const text of texts) await account.getByText(text, { exact: true }).waitFor();
}
