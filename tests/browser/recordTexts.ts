import type { Locator } from "playwright-core";

/**
 * Records every text that an element shows, however briefly: the first words of the first match of each selector, joined
 * by a space.
 *
 * @returns A function that returns the texts so far, in order, with the initial one first.
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
