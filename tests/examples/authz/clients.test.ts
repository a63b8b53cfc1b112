import { ConvexClient, ConvexHttpClient } from "convex/browser";
import { afterEach, expect, test } from "vitest";
import { WebSocket } from "ws";
import { api } from "../../../examples/convex/_generated/api.js";
import { startExampleBackend } from "../../../examples/exampleBackend.js";
import { eventually } from "../../eventually.js";
import { tuple } from "./memoryReader.js";

// Through the official clients, on the embedded backend with its log stream.
let backend: Awaited<ReturnType<typeof startExampleBackend>>;
let http: ConvexHttpClient;
async function start(intervalMs: number) {
  backend = await startExampleBackend({ intervalMs });
  http = new ConvexHttpClient(backend.url, { logger: false });
  await http.mutation(api.authz.seed.load);
}
afterEach(async () => {
  await backend.close();
});

const { check } = api.authz.permissions;
const question = tuple("user:charles can_read doc:launch-plan");
const reason = tuple("group:fabrikam#member viewer folder:company");
const revoke = () => http.mutation(api.authz.tuples.write, { deletes: [reason] });

test("a check is cold, then warm, and false at once when it is revoked", async () => {
  await start(10);
  expect(await http.query(check, question)).toMatchObject({ allowed: true, state: "missing" });
  await backend.idle();
  expect(await http.query(check, question)).toMatchObject({ allowed: true, state: "fresh" });
  await revoke();
  expect(await http.query(check, question)).toMatchObject({ allowed: false, state: "expired" });
});

test("an action's check backfills its grant", async () => {
  await start(10);
  const link = { user: question.user, doc: question.object };
  expect(await http.action(api.authz.downloads.link, link)).toBe("/downloads/doc%3Alaunch-plan");
  await backend.idle();
  expect(await http.query(check, question)).toMatchObject({ state: "fresh" });
  await revoke();
  await expect(http.action(api.authz.downloads.link, link)).rejects.toThrow();
});

test("a subscriber of a warm check sees a revocation, though no effect arrives after it", async () => {
  // The log stream delivers nothing while the test runs; a mutation needs none to backfill a grant.
  await start(10 * 60_000);
  const doc = "doc:launch-plan";
  const reading = tuple(`user:erik can_read ${doc}`);
  await http.mutation(api.authz.sharing.share, { by: "user:diane", doc, viewer: "user:erik" });
  await eventually(async () => expect(await http.query(check, reading)).toMatchObject({ state: "fresh" }));
  const client = new ConvexClient(backend.url, {
    webSocketConstructor: WebSocket as unknown as typeof globalThis.WebSocket,
    logger: false,
    unsavedChangesWarning: false,
  });
  try {
    const seen: { allowed: boolean; state: string }[] = [];
    client.onUpdate(check, reading, ({ allowed, state }) => void seen.push({ allowed, state }));
    await eventually(() => expect(seen).toEqual([{ allowed: true, state: "fresh" }]));
    const deletes = [tuple(`user:erik viewer ${doc}`)];
    await http.mutation(api.authz.tuples.write, { deletes });
    await eventually(() => expect(seen.at(-1)).toEqual({ allowed: false, state: "expired" }));
    expect(seen).toHaveLength(2);
  } finally {
    await client.close();
  }
});
