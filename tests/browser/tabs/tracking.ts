import type { Page } from "playwright-core";
import { beforeAll, expect, test } from "vitest";
import { activity } from "../activity";
import { openTab } from "../openTab";

const TITLE = "Why views are lazy";

export function trackingTab(getPage: () => Page): void {
  const numbers = () => getPage().getByRole("article", { name: TITLE }).getByRole("definition").allTextContents();

  beforeAll(async () => {
    await openTab(getPage(), "Tracking");
    await getPage().getByRole("button", { name: TITLE }).click();
  });

  test("opening a document counts, with no code for it in the page", async () => {
    const page = getPage();
    await expect.poll(numbers).toEqual(["1", "1"]);
    await page.getByRole("list", { name: "Last viewed by Ada" }).getByText("1 view").waitFor();
    await page.getByText("Transport: logStream.").waitFor();
  });

  test("opening it again inside the window writes nothing: the effect is dropped", async () => {
    const page = getPage();
    await expect.poll(numbers).toEqual(["1", "1"]);
    await page.getByRole("button", { name: "Open it again" }).click();
    const [newest = ""] = await activity(page, /the cache answered[\s\S]*had been scheduled within the window already/);
    expect(newest).toContain(`Ada opened “${TITLE}”`);
    expect(await numbers()).toEqual(["1", "1"]);
  });

  test("another person counts as one more", async () => {
    const page = getPage();
    await expect.poll(numbers).toEqual(["1", "1"]);
    await page.getByRole("radio", { name: "Ada" }).press("ArrowRight");
    expect(await page.getByRole("radio", { name: "Grace" }).isChecked()).toBe(true);
    await expect.poll(numbers).toEqual(["2", "2"]);
    await page.getByRole("list", { name: "Last viewed by Grace" }).getByText("1 view").waitFor();
    await page.getByRole("list", { name: "Most viewed" }).getByText("2 views").waitFor();
  });
}
