import type { Page } from "playwright-core";
import { beforeAll, expect, test } from "vitest";
import { openTab } from "../openTab";

const TITLE = "Why views are lazy";

export function trackingTab(getPage: () => Page): void {
  const documents = () => getPage().getByRole("list", { name: "Documents" }).getByRole("listitem");
  const article = () => getPage().getByRole("article", { name: TITLE });
  /** How often the reader has opened the document, how often this counted, and the views of all readers. */
  const numbers = () => article().getByRole("definition").allTextContents();
  const choose = (reader: string) => getPage().getByRole("group", { name: "Reader" }).getByText(reader).click();

  beforeAll(() => openTab(getPage(), "Tracking"));

  test("starts with documents to open, which nobody has viewed", async () => {
    await expect
      .poll(() => documents().allTextContents())
      .toEqual([`${TITLE}0 views`, "What a query may do0 views", "Notes on counting0 views"]);
    await getPage().getByText("Click one in the list.").waitFor();
  });

  test("one click opens a document and counts the view, with no code for it in the page", async () => {
    const page = getPage();
    await documents().getByRole("button", { name: TITLE }).click();
    await expect.poll(numbers).toEqual(["1", "1", "1"]);
    await article()
      .getByText(/^the next view counts in \d:\d\d$/)
      .waitFor();
    await documents().filter({ hasText: TITLE }).getByText("1 view").waitFor();
    await page.getByRole("list", { name: "Last viewed by Ada" }).getByText("1 view").waitFor();
    await page.getByRole("list", { name: "Most viewed" }).getByText("1 view").waitFor();
  });

  test("opened again and again inside the window it counts once; another reader counts as one more", async () => {
    const page = getPage();
    for (const times of ["2", "3"]) {
      await article().getByRole("button", { name: "Open it again" }).click();
      await expect.poll(numbers).toEqual([times, "1", "1"]);
    }
    // The other reader's view is delivered after the first reader's two.
    await choose("Grace");
    await expect.poll(numbers).toEqual(["1", "1", "2"]);
    await page.getByRole("list", { name: "Last viewed by Grace" }).getByText("1 view").waitFor();
    await page.getByRole("list", { name: "Most viewed" }).getByText("2 views").waitFor();
    await choose("Ada");
    await expect.poll(numbers).toEqual(["4", "1", "2"]);
  });
}
