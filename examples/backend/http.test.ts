import { ConvexError } from "convex/values";
import { describe, expect, test } from "vitest";
import { eventually } from "../../tests/eventually";
import { api } from "./fixture";
import { connect, connectHttp, events, follow, start } from "./fixture/setup";
import type { TraceEvent } from "./index";

describe("the HTTP API", () => {
  test("runs queries, mutations and actions", async () => {
    const http = connectHttp(await start());
    const id = await http.mutation(api.messages.send, { channel: "a", text: "x" });
    expect(await http.query(api.messages.get, { id })).toMatchObject({ text: "x" });
    expect(await http.action(api.logging.act, {})).toBe(1);
  });

  test("passes errors on", async () => {
    const http = connectHttp(await start());
    await expect(http.query(api.messages.crash, { channel: "a" })).rejects.toThrow(
      /^\[Request ID: [0-9a-f]{16}\] Server Error\nUncaught Error: boom 0\n$/,
    );
    const error = await http.mutation(api.messages.refuse, {}).catch((thrown) => thrown);
    expect(error).toBeInstanceOf(ConvexError);
    expect(error.data).toEqual({ code: 7 });
    await expect(http.query(api.messages.list, { channel: 1 } as never)).rejects.toThrow("ArgumentValidationError");
  });

  test("answers with the console lines", async () => {
    const backend = await start();
    const response = await fetch(`${backend.url}/api/query`, {
      method: "POST",
      body: JSON.stringify({ path: "logging:count", args: { channel: "a" }, format: "json" }),
    });
    expect(await response.json()).toEqual({
      status: "success",
      value: 0,
      logLines: ["[DEBUG] 'counted' {\n  channel: 'a',\n  n: 0\n}"],
    });
  });

  test("refuses what it does not understand", async () => {
    const { url } = await start();
    const post = (path: string, body: string) => fetch(url + path, { method: "POST", body });
    expect((await post("/api/query", "{")).status).toBe(400);
    expect((await post("/api/query", "{}")).status).toBe(400);
    expect((await post("/api/nothing", "{}")).status).toBe(404);
    expect((await fetch(`${url}/api/query`)).status).toBe(404);
  });

  test("may be called by pages of any origin", async () => {
    const { url } = await start();
    const origin = "https://example.com";
    const preflight = await fetch(`${url}/api/query`, {
      method: "OPTIONS",
      headers: { origin, "access-control-request-headers": "content-type,convex-client" },
    });
    expect(preflight.status).toBe(200);
    expect(Object.fromEntries(preflight.headers)).toMatchObject({
      "access-control-allow-origin": origin,
      "access-control-allow-credentials": "true",
      "access-control-allow-headers": "content-type,convex-client",
      "access-control-allow-methods": "GET,POST,OPTIONS,PATCH,DELETE,PUT",
    });
    const response = await fetch(`${url}/api/query_ts`, { method: "POST", headers: { origin } });
    expect(response.headers.get("access-control-allow-origin")).toBe(origin);
  });
});

test("the deployment returns its version and name, and to a client with a key, its URLs", async () => {
  const { url, siteUrl, adminKey } = await start();
  const ask = async (path: string, key?: string) => {
    const headers: Record<string, string> = key === undefined ? {} : { authorization: `Convex ${key}` };
    const response = await fetch(url + path, { headers });
    return [response.status, await response.text()];
  };
  expect(await ask("/version")).toEqual([200, "embedded"]);
  expect(await ask("/instance_name")).toEqual([200, "embedded-backend"]);
  expect(await ask("/api/check_admin_key", adminKey)).toEqual([200, '{"success":true}']);
  expect((await ask("/api/check_admin_key", "embedded-backend|0"))[0]).toBe(401);
  expect((await ask("/api/check_admin_key"))[0]).toBe(403);
  const urls = JSON.stringify({ convexCloudUrl: url, convexSiteUrl: siteUrl });
  expect(await ask("/api/v1/get_canonical_urls", adminKey)).toEqual([200, urls]);
});

describe("HTTP actions", () => {
  test("get the request as it was sent, and their response is passed on", async () => {
    const { siteUrl } = await start();
    const body = Uint8Array.from({ length: 256 }, (_, i) => i);
    const url = `${siteUrl}/echo?x=1`;
    const response = await fetch(url, { method: "POST", body, headers: { "x-token": "t" } });
    expect(response.status).toBe(201);
    expect(response.headers.get("x-url")).toBe(url);
    expect(response.headers.get("x-token")).toBe("t");
    expect(new Uint8Array(await response.arrayBuffer())).toEqual(body);
  });

  test("are found by method, path and prefix", async () => {
    const backend = await start();
    expect(await (await fetch(`${backend.siteUrl}/files/a/b.txt`)).text()).toBe("file");
    expect(events(backend, "console")).toMatchObject([
      { path: "GET /files/*", udfType: "httpAction", message: "'file' '/files/a/b.txt'" },
    ]);
    const missing = await fetch(`${backend.siteUrl}/echo`);
    expect([missing.status, await missing.text()]).toEqual([404, "No matching routes found"]);
  });

  test("may write, and subscribers see it", async () => {
    const backend = await start();
    const { client } = connect(backend);
    const { values } = follow(client, api.messages.list, { channel: "http" });
    await eventually(() => expect(values).toHaveLength(1));
    const response = await fetch(`${backend.siteUrl}/send`, { method: "PUT", body: "hello" });
    expect(response.status).toBe(204);
    await eventually(() => expect(values.at(-1)).toEqual(["hello"]));
  });

  test("answer 500 when they throw", async () => {
    const { siteUrl } = await start();
    const response = await fetch(`${siteUrl}/crash`);
    expect(response.status).toBe(500);
    expect(await response.json()).toEqual({
      code: expect.stringMatching(/^\[Request ID: \w{16}\] Server Error: Uncaught Error: no page$/),
      trace: "Uncaught Error: no page\n",
    });
  });

  test("do not exist without http.ts", async () => {
    const { modules } = await import("./fixture");
    const { "./http.ts": _, ...others } = modules;
    const { siteUrl } = await start({ modules: others });
    const response = await fetch(`${siteUrl}/echo`);
    expect(await response.text()).toBe("This Convex deployment does not have HTTP actions enabled.");
  });
});

describe("the trace", () => {
  test("is served as it grows, from where the reader was", async () => {
    const backend = await start();
    const http = connectHttp(backend);
    await http.mutation(api.messages.send, { channel: "a", text: "first" });
    const read = await readTrace(backend.url);
    await eventually(() => expect(read.events).toHaveLength(1));
    await http.mutation(api.messages.send, { channel: "a", text: "second" });
    await eventually(() => expect(read.events).toHaveLength(2));
    expect(read.events).toEqual(backend.trace.history());
    expect(read.origin).toBe("*");
    const resumed = await readTrace(backend.url, "0");
    await eventually(() => expect(resumed.events).toEqual(backend.trace.history().slice(1)));
  });

  test("calls its listeners until they leave", async () => {
    const backend = await start();
    const http = connectHttp(backend);
    const heard: string[] = [];
    const leave = backend.trace.subscribe((event) => {
      heard.push(event.type);
      setTimeout(() => {}, 0);
    });
    await http.query(api.logging.count, { channel: "a" });
    leave();
    await http.query(api.logging.count, { channel: "b" });
    expect(heard).toEqual(["console", "execution"]);
  });
});

async function readTrace(url: string, lastEventId?: string) {
  const response = await fetch(`${url}/_trace`, {
    headers: lastEventId === undefined ? {} : { "last-event-id": lastEventId },
  });
  const events: TraceEvent[] = [];
  void (async () => {
    let rest = "";
    for await (const chunk of response.body ?? []) {
      rest += Buffer.from(chunk).toString();
      const parts = rest.split("\n\n");
      rest = parts.pop() ?? "";
      for (const part of parts) events.push(JSON.parse(part.slice(part.indexOf("data: ") + 6)));
    }
  })().catch(() => {});
  return { events, origin: response.headers.get("access-control-allow-origin") };
}
