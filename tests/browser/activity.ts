import type { Page } from "playwright-core";

/** The lines of the page's feed, newest first. */
export async function activity(page: Page): Promise<string[]> {
  return await page.getByRole("region", { name: "Activity" }).getByRole("listitem").allTextContents();
}
