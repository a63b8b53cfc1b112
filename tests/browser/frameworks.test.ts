import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { ConvexHttpClient } from "convex/browser";
import { makeFunctionReference } from "convex/server";
import type { FreshnessRead } from "convex-lazy-views/react";
import { createElement } from "react";
import { renderToString } from "react-dom/server";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { readPage } from "../docs/markdown";
import { ROOT } from "../package/pack";
import { startAirports } from "./frameworks/app";
import { Badge } from "./frameworks/badge";
import { bundleApp, type Files } from "./frameworks/bundle";
import { type OpenPage, openPage } from "./openPage";

const PAGE = "docs/guides/frameworks.md";

/** The files on the page of the documentation, including those of Svelte and Vue, without their path comments. */
function shownFiles(): Map<string, string> {
  const { blocks } = readPage(PAGE, readFileSync(join(ROOT, PAGE), "utf8"));
  const files = blocks.map(({ lines }): [string | undefined, string] => {
    const [first, ...rest] = lines.map(({ text }) => text);
    return [/^(?:\/\/|<!--) (\S+\.\w+)(?: -->)?$/.exec(first ?? "")?.[1], rest.join("\n")];
  });
  return new Map(files.filter((file): file is [string, string] => file[0] !== undefined));
}

const files = shownFiles();

/** The files of an app that uses only Convex's own client. */
const withOfficialClient = (): Files => {
  const client = files.get("src/convexClient.ts") ?? "";
  const official = client.replace("convex-lazy-views/client", "convex/browser");
  expect(official).not.toBe(client);
  return new Map(files).set("src/convexClient.ts", official);
};

const svelte = (app: string) => `
  import { mount } from "svelte";
  import App from "./src/${app}.svelte";
  mount(App, { target: document.getElementById("root") });
`;

const VUE = `
  import { createApp } from "vue";
  import Airport from "./src/Airport.vue";
  createApp(Airport, { airport: "SFO" }).mount("#root");
`;

// The page's components, as Solid's compiler outputs them.
const SOLID = `
  import { ConvexProvider, useQuery } from "convex-solidjs";
  import { createComponent } from "solid-js";
  import { insert, render } from "solid-js/web";
  import { api } from "./convex/_generated/api";
  import { client } from "./src/convexClient";

  function Airport(props) {
    const stats = useQuery(api.dashboard.stats, () => ({ airport: props.airport }));
    const element = document.createElement("p");
    insert(element, () => props.airport + ": " + stats.data()?.value.flights + " flights" +
      (stats.data()?.state === "fresh" ? "" : ", refreshing"));
    return element;
  }
  const children = () => createComponent(Airport, { airport: "SFO" });
  render(() => createComponent(ConvexProvider, { client, get children() { return children(); } }), root);
`;

const REACT = `import "./src/main";`;

const addFlight = makeFunctionReference<"mutation">("dashboard:addFlight");

/** Serves a page with a bundled module, which runs when `run` is called. */
async function openApp(script: string, html = ""): Promise<OpenPage & { run(): Promise<void> }> {
  const served: Record<string, [type: string, body: string]> = {
    "/": ["text/html", `<!doctype html><link rel="icon" href="data:,"><div id="root">${html}</div>`],
    "/app.js": ["text/javascript", script],
  };
  const server = createServer(({ url = "" }, response) => {
    const [type, body] = served[url] ?? ["text/plain", ""];
    response.setHeader("Content-Type", `${type}; charset=utf-8`).end(body);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  onTestFinished(() => void server.close());
  const opened = await openPage();
  onTestFinished(() => opened.close());
  const { page } = opened;
  // Clients forward effects after a random delay: make it short.
  await page.addInitScript(() => {
    const { random } = Math;
    Math.random = () => random() / 10_000;
  });
  await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  const run = async () => void (await page.addScriptTag({ url: "/app.js", type: "module" }));
  return { ...opened, run };
}

describe.each(["logStream", "client"] as const)("with the transport %s", (transport) => {
  let backend: Awaited<ReturnType<typeof startAirports>>;
  let flights = 0;
  beforeAll(async () => {
    backend = await startAirports(transport);
  });
  afterAll(() => backend?.close());

  const isClient = transport === "client";
  const appFiles = isClient ? files : withOfficialClient();
  const apps: [string, string][] = [
    ["Svelte", svelte(isClient ? "ClientApp" : "App")],
    ["Vue", VUE],
    ["Solid", SOLID],
  ];

  // React with a log transport is what the demo runs.
  test.each(isClient ? [...apps, ["React", REACT] as const] : apps)(
    "%s shows a view, which turns fresh",
    async (framework, entry) => {
      const app = await openApp(await bundleApp(entry, appFiles, backend.url));
      await app.run();
      const isFresh = (count: number) =>
        app.page.getByText(new RegExp(`^SFO: ${count} flights( updated (now|\\d+ \\w+ ago))?$`)).waitFor();
      await isFresh(flights);
      await new ConvexHttpClient(backend.url, { logger: false }).mutation(addFlight, { origin: "SFO", delay: 1 });
      await isFresh(++flights);
      const effects = app.printed.filter((line) => line.includes("lazy-views:"));
      expect(app.printed).toEqual(effects);
      // Only Svelte's app has the quiet logger here: the others lose it together with the client.
      expect(effects.length > 0).toBe(!isClient && framework !== "Svelte");
    },
  );
});

test("useFreshness takes over what a server rendered, and grows older by itself", async () => {
  const now = Date.UTC(2026, 0, 1);
  const first: FreshnessRead = { state: "fresh", computedAt: now - 57_300 };
  const html = renderToString(createElement(Badge, { read: first }));
  const entry = `
    import { createElement, useState } from "react";
    import { hydrateRoot } from "react-dom/client";
    import { Badge } from "./badge";
    function App() {
      const [read, setRead] = useState(${JSON.stringify(first)});
      window.show = setRead;
      return createElement(Badge, { read });
    }
    hydrateRoot(document.getElementById("root"), createElement(App));
  `;
  const badge = readFileSync(join(import.meta.dirname, "frameworks/badge.tsx"), "utf8");
  const script = await bundleApp(entry, new Map([["badge.tsx", badge]]), "");
  const app = await openApp(script, html);
  const { page } = app;
  const says = (label: string) => page.locator("#root").getByText(label, { exact: true }).waitFor();
  const show = (read: FreshnessRead | undefined) =>
    page.evaluate((value) => (window as unknown as { show(read: unknown): void }).show(value), read);
  await says("up to date");
  await page.clock.install({ time: now });
  await page.clock.pauseAt(now);
  await app.run();
  await says("updated 57 seconds ago");
  await page.clock.runFor(700);
  await says("updated 58 seconds ago");
  await page.clock.runFor(2_000);
  await says("updated 1 minute ago");
  await show({ ...first, state: "stale" });
  await says("updated 1 minute ago, refreshing");
  await show({ state: "fresh", computedAt: now + 10_000 }); // the server's clock is ahead
  await says("updated now");
  await page.clock.runFor(9_000);
  await says("updated 1 second ago");
  await show({ state: "missing", computedAt: null });
  await says("updating…");
  await show(undefined);
  await says("loading…");
  expect(app.printed).toEqual([]);
});
