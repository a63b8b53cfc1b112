import type { Page } from "playwright-core";

/** Waits for an episode of the page's activity that matches, and returns the text of all that do, newest first. */
export async function activity(page: Page, words: RegExp): Promise<string[]> {
  const episodes = page.getByRole("region", { name: "Activity" }).locator(".episode").filter({ hasText: words });
  await episodes.first().waitFor({ state: "attached" });
  return await episodes.allTextContents();
}
