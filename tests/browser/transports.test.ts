import { ConvexHttpClient } from "convex/browser";
import { expect, onTestFinished, test } from "vitest";
import { api } from "../../examples/convex/_generated/api";
import { startExampleBackend } from "../../examples/exampleBackend";
import { servePage } from "../../examples/page/serve";
import { startTailCron } from "../../examples/tailCron";
import type { Transport } from "../../examples/transports";
import { openPage } from "./openPage";
import { card, isFresh } from "./tabs/rollups";

const cases: [Transport, string][] = [
  ["logTail", "the log tail carried"],
  ["client", "the client carried"],
];

// tests/browser/page.test.ts tests every example with the log stream, which is the default.
test.each(cases)("with the transport %s the page says so, and that %s an effect", async (transport, by) => {
  const backend = await startExampleBackend({ transport });
  onTestFinished(() => backend.close());
  const http = new ConvexHttpClient(backend.url, { logger: false });
  const airports = ["ORD", "LAX"].map((code) => ({ code, name: code, city: code }));
  await http.mutation(api.rollups.flights.loadAirports, { airports });
  const flight = { date: "2001/01/01 00:00", delay: 5, distance: 1_745, origin: "ORD", destination: "LAX" };
  await http.mutation(api.rollups.flights.load, { flights: [flight] });
  if (transport === "logTail") onTestFinished(startTailCron(backend));
  const served = await servePage({ deployment: backend.url, transport, deliveryIntervalMs: 5_000, port: 0 });
  onTestFinished(() => served.close());
  const { page, printed, close } = await openPage();
  onTestFinished(close);

  await page.goto(served.url);
  await page.getByText(`Transport: ${transport}.`).waitFor();
  const ord = card(page, "ORD");
  await isFresh(ord);
  expect(await ord.locator(".freshness__age").textContent()).toMatch(/^computed (now|\d+ \w+ ago)$/);
  await ord.getByRole("button", { name: "Add a delayed flight" }).click();
  const episode = page.locator(".episode[data-over=true]").filter({ hasText: "1 delayed flight, ORD" });
  await episode.waitFor();
  await isFresh(ord);
  expect(await episode.locator("[data-step=delivery].step").textContent()).toContain(by);
  expect(printed).toEqual([]);
});
