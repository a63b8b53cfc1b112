import { preloadQuery } from "convex-lazy-views/nextjs";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Backend, startBackend } from "../../examples/backend/index";
import { type OpenPage, openPage, printOnFailure } from "../browser/openPage";
import { eventually } from "../eventually";
import { api, modules, schema } from "./app";
import { servePage } from "./page/serve";

let backend: Backend<typeof schema>;
let served: Awaited<ReturnType<typeof servePage>>;
let opened: OpenPage;
let page: Page;

beforeAll(async () => {
  const env = { LAZY_VIEWS_SECRET: "0123456789abcdef0123456789abcdef" };
  backend = await startBackend({ schema, modules, env });
  await backend.run(async (ctx) => {
    for (const n of [1, 2, 3]) await ctx.db.insert("items", { list: "a", n });
  });
  const preloaded = await preloadQuery(api.queries.total, { list: "b" }, { url: backend.url });
  served = await servePage(backend.url, preloaded);
  opened = await openPage();
  page = opened.page;
  await page.goto(served.url);
});

afterAll(async () => {
  await opened?.close();
  await served?.close();
  await backend?.close();
});

printOnFailure(() => page);

async function shows(section: string, value: unknown): Promise<void> {
  const output = page.getByRole("region", { name: section, exact: true }).getByRole("status");
  await output.getByText(JSON.stringify(value), { exact: true }).waitFor();
}

const press = async (name: string) => await page.getByRole("button", { name }).click();

test("every hook shows plain values, and the row that they read becomes fresh", async () => {
  const fresh = { count: 3, sum: 6 };
  await shows("useQuery", fresh);
  await shows("useQuery of convex/react", fresh);
  await shows("usePreloadedQuery", { count: 0, sum: 0 });
  await shows("useQueries", [fresh, "failed"]);
  await shows("plain", [1, 2, 3]);
});

test("a paginated query loads more pages, changes optimistically, and has its effects forwarded", async () => {
  await shows("usePaginatedQuery", ["CanLoadMore", 1, 2]);
  await press("More");
  await shows("usePaginatedQuery", ["Exhausted", 1, 2, 3]);
  const seen = () => backend.run((ctx) => ctx.db.query("seen").collect());
  await eventually(async () => expect(await seen()).toMatchObject([{ list: "a" }]));

  const output = page.getByRole("region", { name: "usePaginatedQuery" }).getByRole("status");
  const shown = await output.evaluateHandle((node) => {
    const texts: (string | null)[] = [];
    new MutationObserver(() => texts.push(node.textContent)).observe(node, {
      characterData: true,
      childList: true,
      subtree: true,
    });
    return texts;
  });
  await press("Add");
  await shows("usePaginatedQuery", ["Exhausted", 1, 2, 3, 4]);
  expect(await shown.jsonValue()).toEqual(['["Exhausted",1,2,3,400]', '["Exhausted",1,2,3,4]']);

  // Every other hook shows the new value too.
  const fresh = { count: 4, sum: 10 };
  await shows("useQuery", fresh);
  await shows("useQuery of convex/react", fresh);
  await shows("useQueries", [fresh, "failed"]);
  await shows("plain", [1, 2, 3, 4]);
});

test("sections that are removed and come back show their values again", async () => {
  const sections = ["useQuery", "useQuery of convex/react", "useQueries", "plain"];
  const outputs = sections.map((name) => page.getByRole("region", { name, exact: true }).getByRole("status"));
  const values = () => Promise.all(outputs.map((output) => output.textContent()));
  for (const output of outputs) await output.getByText(/\d/).waitFor();
  const before = await values();
  await press("Toggle");
  await page.getByRole("region").first().waitFor({ state: "detached" });
  await press("Toggle");
  await expect.poll(values).toEqual(before);
});

test("the browser logged no warnings and no errors", () => {
  expect(opened.printed).toEqual([]);
});
