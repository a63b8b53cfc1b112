import type { Locator } from "playwright-core";

/**
 * Records what is shown within an element, however short: each time the first words of the first element of each
 * selector, joined by a space.
 *
 * @returns What was shown so far, in order, from what it was at first.
 */
export async function recordTexts(within: Locator, ...selectors: string[]): Promise<() => Promise<string[]>> {
  const recording = await within.evaluateHandle((element, of) => {
    const shown = () => of.map((each) => element.querySelector(each)?.firstChild?.textContent ?? "").join(" ");
    const seen = [shown()];
    new MutationObserver(() => {
      if (seen.at(-1) !== shown()) seen.push(shown());
    }).observe(element, { childList: true, characterData: true, subtree: true });
    return seen;
  }, selectors);
  return () => recording.jsonValue();
}
