import type { Page } from "playwright-core";
import { beforeAll, expect, test } from "vitest";
import { openTab } from "../openTab";
import { recordTexts } from "../recordTexts";

export function searchTab(getPage: () => Page): void {
  const field = () => getPage().getByRole("searchbox", { name: "Search films" });
  const edit = (title: string) => getPage().getByRole("button", { name: `Edit ${title}`, exact: true });
  const film = (title: string) =>
    getPage()
      .getByRole("listitem")
      .filter({ has: edit(title) });

  beforeAll(() => openTab(getPage(), "Search"));

  test("a film that was never looked for is found at once, and then indexed", async () => {
    const seen = await recordTexts(getPage().locator("main"), ".badge");
    await field().fill("toy story");
    await film("Toy Story").getByText("fresh").waitFor();
    expect(await seen()).toEqual(["", "missing · computing", "fresh"]);
  });

  test("as one types, what was found stays until the next is", async () => {
    await field().fill("toy story");
    await film("Toy Story").waitFor();
    const seen = await recordTexts(getPage().locator("main"), ".result__title");
    await field().pressSequentially(" 2");
    await expect.poll(seen).toEqual(["Toy Story", "Toy Story 2"]);
  });

  test("a film that was changed is stale where it is found, then indexed again, and found by its new director", async () => {
    const page = getPage();
    await field().fill("toy story");
    await edit("Toy Story").click();
    const form = page.getByRole("form", { name: "Edit Toy Story" });
    await form.getByLabel("Director").fill("Ada Lovelace");
    const seen = await recordTexts(page.getByRole("list", { name: "Films" }), ".badge");
    await form.getByRole("button", { name: "Save" }).click();
    await film("Toy Story").getByText("Ada Lovelace").waitFor();
    await film("Toy Story").getByText("fresh").waitFor();
    expect(await seen()).toEqual(["fresh", "stale · recomputing", "fresh"]);

    await field().fill("lovelace");
    await film("Toy Story").getByText("in the index").waitFor();
    await getPage().getByRole("article", { name: "1 film", exact: true }).waitFor();
  });

  test("nothing typed finds nothing", async () => {
    await field().fill("");
    await getPage().getByRole("list", { name: "Films" }).waitFor({ state: "detached" });
  });
}
