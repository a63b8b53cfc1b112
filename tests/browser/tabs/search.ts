import type { Page } from "playwright-core";
import { beforeAll, expect, test } from "vitest";
import { openTab } from "../openTab";
import { recordTexts } from "../recordTexts";

export function searchTab(getPage: () => Page): void {
  const field = () => getPage().getByRole("searchbox", { name: "Search films" });
  const list = (name: string) => getPage().getByRole("list", { name });
  const edit = (title: string) => getPage().getByRole("button", { name: `Edit ${title}`, exact: true });
  const film = (title: string) =>
    list("Films")
      .getByRole("listitem")
      .filter({ has: edit(title) });
  const director = (name: string) => list("Searches by director").getByRole("listitem").filter({ hasText: name });

  beforeAll(() => openTab(getPage(), "Search"));

  test("opens with films that are found and indexed by this search, and with directors that are missed", async () => {
    expect(await field().inputValue()).toBe("Toy Story");
    for (const title of ["Toy Story", "Toy Story 2", "Toy Story 3"]) await film(title).getByText("fresh").waitFor();
    await director("Lasseter").getByText("2 films").waitFor();
    for (const name of ["Coppola", "Lucas", "Kubrick"]) {
      await director(name).getByText("0 films").waitFor();
      await director(name).getByText("not in the index yet").waitFor();
    }
  });

  test("one click finds films by their title, has them indexed, and then their director finds them", async () => {
    const films = await recordTexts(list("Films"), ".result__title", ".badge");
    const coppola = await recordTexts(director("Coppola"), ".badge");
    await getPage().getByRole("button", { name: "Search “The Godfather”" }).click();
    await film("The Godfather").getByText("fresh").waitFor();
    await director("Coppola").getByText("3 films").waitFor();
    expect(await films()).toEqual(["Toy Story fresh", "The Godfather missing · computing", "The Godfather fresh"]);
    expect((await coppola()).at(0)).toBe("0 films");

    await director("Coppola").getByRole("button", { name: "Coppola" }).click();
    await film("The Godfather").getByText("found in the index").waitFor();
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
    const seen = await recordTexts(list("Films"), ".badge");
    await form.getByRole("button", { name: "Save" }).click();
    await film("Toy Story").getByText("Ada Lovelace").waitFor();
    await film("Toy Story").getByText("fresh").waitFor();
    expect(await seen()).toEqual(["fresh", "stale · recomputing", "fresh"]);

    await field().fill("lovelace");
    await film("Toy Story").getByText("found in the index").waitFor();
    await page.getByRole("article", { name: "1 film", exact: true }).waitFor();
  });

  test("nothing typed finds nothing", async () => {
    await field().fill("");
    await list("Films").waitFor({ state: "detached" });
    await getPage().getByText("Type the beginning of a title.").waitFor();
  });
}
