import type { Page } from "playwright-core";
import { beforeAll, expect, test } from "vitest";
import { openTab } from "../openTab";
import { recordTexts } from "../recordTexts";

export function permissionsTab(getPage: () => Page): void {
  const check = () => getPage().getByRole("article", { name: /^Charles, / });
  const given = () => getPage().getByRole("article", { name: "Given" });
  const inDrive = (name: string) =>
    getPage()
      .getByRole("list", { name: "Folders and documents" })
      .getByRole("listitem")
      .filter({ has: getPage().getByRole("button", { name, exact: true }) });
  const documentsRead = async () => {
    const counts = check().getByRole("figure").getByRole("definition");
    return (await counts.allTextContents()).map(Number);
  };

  beforeAll(() => openTab(getPage(), "Permissions"));

  test("a warm check reads at most 3 documents, where the tuples take more", async () => {
    await check().getByText("user:charles can_read doc:launch-plan").waitFor();
    await check().getByText("allowed", { exact: true }).waitFor();
    await check().getByText("fresh").waitFor();
    const [warm = 0, dynamic = 0] = await documentsRead();
    expect(warm).toBeGreaterThan(0);
    expect(warm).toBeLessThanOrEqual(3);
    expect(dynamic).toBeGreaterThan(6);
  });

  test("revoking flips the answer at once, five folders down too, and giving it again allows it again", async () => {
    await inDrive("launch-plan").getByText("can read").waitFor();
    await inDrive("company/").getByRole("button").click();
    await check().getByText("fresh").waitFor();
    const seen = await recordTexts(check(), ".check__answer .badge");
    await given().getByRole("button", { name: "Revoke" }).click();
    await check().getByText("not allowed").waitFor();
    await inDrive("launch-plan").getByText("nothing").waitFor();
    await check().getByText("fresh").waitFor();
    expect(await seen()).toEqual(["allowed", "not allowed"]);

    await given().getByRole("button", { name: "Make Charles viewer" }).click();
    await check().getByText("allowed", { exact: true }).waitFor();
    await inDrive("launch-plan").getByText("can read").waitFor();
  });
}
