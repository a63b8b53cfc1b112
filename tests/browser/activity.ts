import type { Page } from "playwright-core";

/** The episodes of the page's activity that say so, as text, newest first; waits for the first one. */
export async function activity(page: Page, words: RegExp): Promise<string[]> {
  const episodes = page.getByRole("region", { name: "Activity" }).locator(".episode").filter({ hasText: words });
  await episodes.first().waitFor({ state: "attached" });
  return await episodes.allTextContents();
}
