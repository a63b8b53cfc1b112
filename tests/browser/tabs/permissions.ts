import type { Page } from "playwright-core";
import { beforeAll, expect, test } from "vitest";
import { openTab } from "../openTab";
import { recordTexts } from "../recordTexts";

export function permissionsTab(getPage: () => Page): void {
  const check = (person: string) => getPage().getByRole("article", { name: `May ${person} read launch-plan?` });
  const condition = (name: string) => getPage().getByRole("checkbox", { name });
  const inDrive = (name: string) =>
    getPage().getByRole("list", { name: "Folders and documents" }).getByRole("listitem").filter({ hasText: name });
  const choose = (person: string) => getPage().getByRole("group", { name: "Person" }).getByText(person).click();

  /** Records a card's answer and its two counts, each time that one of them changes. */
  const recordPictures = async (person: string) => {
    const count = (row: number) => `.comparison__row:nth-child(${row}) .comparison__count`;
    const seen = await recordTexts(check(person), ".check__answer .badge", count(1), count(2));
    return async () =>
      (await seen()).map((text) => {
        const [, answer, withGrant, without] = /^(.*) (\d+|–) (\d+|–)$/.exec(text) ?? [];
        return { answer, withGrant: Number(withGrant?.replace("–", "NaN")), without: Number(without) };
      });
  };

  beforeAll(() => openTab(getPage(), "Permissions"));

  test("opens with a check that reads at most 3 documents, where one without a grant reads more", async () => {
    const charles = check("Charles");
    await charles.getByText("user:charles can_read doc:launch-plan").waitFor();
    await charles.getByText("allowed", { exact: true }).waitFor();
    await charles.getByText("fresh").waitFor();
    const [withGrant, without] = await charles.getByRole("figure").getByRole("definition").allTextContents();
    expect(Number(withGrant)).toBeLessThanOrEqual(3);
    expect(without).toBe("8");
  });

  test.each([
    ["Charles", "Charles is a member of fabrikam", "allowed", "not allowed"],
    ["Erik", "Erik is a member of fabrikam", "not allowed", "allowed"],
  ])(
    "one click changes the answer for %s (%s), and never shows more documents with the grant than without",
    async (person, name, before, after) => {
      await choose(person);
      await check(person).getByText(before, { exact: true }).waitFor();
      await check(person).getByText("fresh").waitFor();
      const pictures = await recordPictures(person);
      await condition(name).click();
      await check(person).getByText(after, { exact: true }).waitFor();
      await inDrive("launch-plan")
        .getByText(after === "allowed" ? "read" : "no access")
        .waitFor();
      await check(person).getByText("fresh").waitFor();
      const seen = await pictures();
      // A new answer makes the grant out of date: it has no count until it is recomputed.
      expect(seen.map(({ answer, withGrant }) => [answer, Number.isNaN(withGrant)])).toEqual([
        [before, false],
        [after, true],
        [after, false],
      ]);
      for (const { withGrant, without } of seen) {
        expect(without).toBeGreaterThan(3);
        expect(withGrant >= without).toBe(false);
      }

      await condition(name).click();
      await check(person).getByText(before, { exact: true }).waitFor();
    },
  );
}
