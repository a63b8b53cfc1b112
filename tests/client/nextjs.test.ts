import * as convexNextjs from "convex/nextjs";
import { jsonToConvex } from "convex/values";
import * as lazyNextjs from "convex-lazy-views/nextjs";
import { fetchQuery, forwarded, preloadedQueryResult, preloadQuery } from "convex-lazy-views/nextjs";
import { expect, onTestFinished, test, vi } from "vitest";
import { api } from "./app";
import { runs, startApp } from "./setup";

const args = { list: "a" };

test("fetchQuery gives the value, and the row becomes fresh", async () => {
  const backend = await startApp();
  const { url } = backend;
  expect(await fetchQuery(api.queries.total, args, { url })).toBeNull();
  await forwarded();
  await backend.idle();
  expect(await fetchQuery(api.queries.total, args, { url })).toEqual({ count: 3, sum: 6 });
  expect(runs(backend, "lazy:forward")).toBe(1);
});

test("the deployment may stand in the environment", async () => {
  vi.stubEnv("NEXT_PUBLIC_CONVEX_URL", (await startApp()).url);
  onTestFinished(() => void vi.unstubAllEnvs());
  expect(await fetchQuery(api.queries.total, args)).toBeNull();
  await forwarded();
});

test("what is forwarded is not in the user's name", async () => {
  const { url } = await startApp();
  const fetched = vi.spyOn(globalThis, "fetch");
  onTestFinished(() => fetched.mockRestore());
  await fetchQuery(api.queries.total, args, { url, token: "the user's token" });
  await forwarded();
  const authorized = fetched.mock.calls.map(([to, init]) => [
    new URL(String(to)).pathname,
    new Headers(init?.headers).has("authorization"),
  ]);
  expect(authorized).toEqual([
    ["/api/query", true],
    ["/api/mutation", false],
  ]);
});

test("plain queries work, and have their own errors", async () => {
  const { url } = await startApp();
  expect(await fetchQuery(api.plain.loose, args, { url })).toEqual([1, 2, 3]);
  expect(await fetchQuery(api.plain.strict, args, { url })).toEqual([1, 2, 3]);
  await expect(fetchQuery(api.plain.strict, { list: "needed" }, { url })).rejects.toThrow("nothing in needed");
});

test("a query that is plain at one deployment is marked at another", async () => {
  const [refusing, other] = [await startApp(), await startApp()];
  const { fetch } = globalThis;
  let refused = 0;
  const fetched = vi.spyOn(globalThis, "fetch").mockImplementation(async (to, init) => {
    const isMarked = String(init?.body).includes("lazyViews");
    if (!isMarked || !String(to).startsWith(refusing.url)) return await fetch(to, init);
    refused++;
    return Response.json({ status: "error", errorMessage: "[Request ID: 0123456789abcdef] Server Error" });
  });
  onTestFinished(() => fetched.mockRestore());
  for (const { url } of [refusing, refusing, other]) await fetchQuery(api.queries.total, args, { url });
  await forwarded();
  expect(refused).toBe(2);
  expect([refusing, other].map((backend) => runs(backend, "lazy:forward"))).toEqual([0, 1]);
});

test("a proxy that is out of order for a moment makes no query plain", async () => {
  const backend = await startApp();
  const { fetch } = globalThis;
  const fetched = vi
    .spyOn(globalThis, "fetch")
    .mockImplementationOnce(async () => new Response("Bad Gateway", { status: 502 }))
    .mockImplementation((...request) => fetch(...request));
  onTestFinished(() => fetched.mockRestore());
  for (let i = 0; i < 2; i++) expect(await fetchQuery(api.queries.total, args, { url: backend.url })).toBeNull();
  await forwarded();
  expect(runs(backend, "lazy:forward")).toBe(1);
});

test("preloadQuery gives what that of convex/nextjs would", async () => {
  const backend = await startApp();
  const { url } = backend;
  await fetchQuery(api.queries.total, args, { url });
  await forwarded();
  await backend.idle();
  const preloaded = await preloadQuery(api.queries.total, args, { url });
  expect(preloaded).toEqual(await convexNextjs.preloadQuery(api.queries.total, args, { url }));
  expect(preloadedQueryResult(preloaded)).toEqual({ count: 3, sum: 6 });
  expect(jsonToConvex(preloaded._argsJSON)).toEqual(args);
});

test("the rest is that of convex/nextjs", () => {
  expect(Object.keys(lazyNextjs)).toEqual(expect.arrayContaining(Object.keys(convexNextjs)));
  expect(lazyNextjs.fetchMutation).toBe(convexNextjs.fetchMutation);
});
