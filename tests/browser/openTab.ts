import type { Page } from "playwright-core";

/** Goes to an example by its tab. */
export async function openTab(page: Page, name: string): Promise<void> {
  await page.getByRole("navigation", { name: "Examples" }).getByRole("link", { name }).click();
  await page.locator(".tab[aria-current=page]").getByText(name).waitFor();
}
