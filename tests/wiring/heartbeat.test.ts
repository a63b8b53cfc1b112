import { anyApi, type FunctionReference, httpActionGeneric, httpRouter } from "convex/server";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { EFFECTS_PATH } from "../../src/app/wiring.js";
import { type AppOptions, endTestApp } from "../testApp.js";
import { startTotals, type TotalsOptions, totalsView } from "../totals.js";

const heartbeat = anyApi.lazy?.heartbeat as FunctionReference<"action">;
const SITE = "https://site.example";

let complaint: ReturnType<typeof vi.spyOn>;
beforeEach(() => {
  complaint = vi.spyOn(console, "error").mockReturnValue();
});
afterEach(() => {
  vi.unstubAllGlobals();
  endTestApp();
});

/** An app whose deployment has a site URL. The app's routes answer requests to it. */
function start(options: TotalsOptions = {}, appOptions: AppOptions = {}) {
  const app = startTotals(options, appOptions);
  const bodies: string[] = [];
  vi.stubEnv("CONVEX_SITE_URL", SITE);
  vi.stubGlobal("fetch", (url: string, init: RequestInit) => {
    bodies.push(String(init.body));
    return app.t.fetch(url.slice(SITE.length), init);
  });
  return {
    ...app,
    bodies,
    /** Runs a heartbeat, and delivers its canary unless `isDelivered` is false. */
    async beat({ isDelivered = true } = {}) {
      const { messages } = await app.testing.collect(() => app.t.action(heartbeat));
      if (isDelivered) await app.deliver(messages).catch(() => {});
      await app.advance(10);
      return (await app.inspect()).problems;
    },
  };
}

/** A module `http` whose one route answers with a status. */
function answering(status: number, path = EFFECTS_PATH): AppOptions {
  const http = httpRouter();
  const handler = httpActionGeneric(async () => new Response("no room", { status }));
  http.route({ path, method: "POST", handler });
  return { modules: { http: { default: http } } };
}

test("finds no problem in a healthy app, logs nothing, and tries the route with an empty body", async () => {
  const app = start();
  expect(await app.beat()).toEqual([]);
  expect(complaint).not.toHaveBeenCalled();
  expect(app.bodies).toEqual(["[]"]);
  const [health] = await app.rows("lazyHealth");
  expect(health).toMatchObject({ failed: [], missed: 0 });
});

describe("the route", () => {
  test("that is missing is named with the line to write, at once", async () => {
    const app = start({}, { modules: { http: { default: httpRouter() } } });
    const line = "convex/http.ts must call lazy.registerRoutes(http); before export default http;";
    const problems = await app.beat({ isDelivered: false });
    expect(problems).toEqual([
      expect.stringContaining(`POST ${SITE}${EFFECTS_PATH} answers: 404 `),
      expect.stringContaining("Still being checked"),
    ]);
    expect(problems[0]).toContain(`(If 404: ${line}) Then run npx convex run lazy:heartbeat.`);
    expect(complaint.mock.calls.flat()).toEqual([expect.stringContaining(line)]);
  });

  test("that answers with another status is named with its answer", async () => {
    const app = start({}, answering(500));
    expect((await app.beat())[0]).toContain(`POST ${SITE}${EFFECTS_PATH} answers: 500 no room`);
  });

  test("that cannot be reached is named with the reason, until a canary arrives through it all the same", async () => {
    const app = start();
    vi.stubGlobal("fetch", () => Promise.reject(new TypeError("fetch failed")));
    expect((await app.beat({ isDelivered: false }))[0]).toContain(`POST ${SITE}${EFFECTS_PATH} answers: fetch failed.`);
    expect(await app.beat()).toEqual([]);
  });

  test("that does not answer holds up nothing else", async () => {
    const app = start();
    let answer: (response: Response) => void = () => {};
    const asked = new Promise<void>((resolve) => {
      vi.stubGlobal("fetch", () => {
        resolve();
        return new Promise<Response>((later) => {
          answer = later;
        });
      });
    });
    const beat = app.testing.collect(() => app.t.action(heartbeat));
    await asked;
    expect(await app.rows("lazyHealth")).toMatchObject([{ failed: [], missed: 0 }]);
    answer(new Response("too late", { status: 504 }));
    expect((await beat).messages).toHaveLength(1);
    expect((await app.inspect()).problems[0]).toContain("answers: 504 too late");
    expect((await app.rows("lazyHealth"))[0]).toMatchObject({ missed: 0 });
  });

  test("is not tried where there is no site", async () => {
    const app = start();
    vi.stubEnv("CONVEX_SITE_URL", undefined);
    expect(await app.beat()).toEqual([]);
    expect(app.bodies).toEqual([]);
  });

  test("is not tried for an app without a log stream", async () => {
    const app = start({}, { transports: ["client"], ...answering(500) });
    expect(await app.beat()).toEqual([]);
    expect(app.bodies).toEqual([]);
  });
});

test.each([
  ["LAZY_VIEWS_SECRET", "Run: npx convex-lazy-views connect"],
  [
    "LAZY_VIEWS_STREAM_SECRET",
    "nor is LAZY_VIEWS_LOG_KEY, so no effect can leave a query. Run: npx convex-lazy-views connect",
  ],
])("%s that is not set is named, until it is", async (name, remedy) => {
  const app = start();
  vi.stubEnv(name, undefined);
  const problems = await app.beat({ isDelivered: false });
  expect(problems[0]).toMatch(new RegExp(`^${name} is not set.*${remedy}`));
  expect(complaint.mock.calls.flat()).toContain(`convex-lazy-views: ${problems[0]}`);
  vi.stubEnv(name, "0123456789abcdef0123456789abcdef");
  expect(await app.beat()).toEqual([]);
});

test("a stream that posts elsewhere is named a minute after one heartbeat", async () => {
  const app = start();
  await app.beat({ isDelivered: false });
  await app.advance(60_000);
  expect((await app.inspect()).problems).toEqual([expect.stringContaining("posts to another URL")]);
});

test("views and exports that are new since the heartbeat are not checked yet", async () => {
  const app = start();
  expect(await app.beat()).toEqual([]);
  await app.t.run(async (ctx) => {
    const [health] = await ctx.db.query("lazyHealth").collect();
    await ctx.db.patch("lazyHealth" as never, health?._id as never, { checked: ["recompute", "dispatch"] } as never);
  });
  expect((await app.inspect()).problems).toEqual([
    "Not checked yet: sweep, inspect, heartbeat, totals; run npx convex run lazy:heartbeat.",
  ]);
  expect(await app.beat()).toEqual([]);
});

test("goes on when everything fails, and never throws", async () => {
  const app = start({}, { forgotten: ["recompute", "dispatch", "sweep", "inspect"] });
  await expect(app.t.action(heartbeat)).resolves.toBeNull();
  for (const name of ["inspect", "recompute", "dispatch", "sweep"]) {
    expect(complaint.mock.calls.flat()).toContainEqual(expect.stringContaining(`lazy:${name} could not be called`));
  }
  const bare = start({}, { lacksLazyTables: true, views: { totals: totalsView() } });
  expect(await bare.testing.collect(() => bare.t.action(heartbeat))).toMatchObject({ result: null });
  expect(complaint.mock.calls.flat()).toContainEqual(expect.stringContaining("defineSchema({ …, ...lazyTables })"));
});

test("the log and inspect report when the module is not the one that new LazyViews names", async () => {
  const app = start({}, { module: "lib/lazy" });
  await app.t.action(heartbeat);
  expect(complaint.mock.calls.flat()).toContainEqual(
    expect.stringContaining("convex/lib/lazy.ts must have export const {"),
  );
  await expect(app.inspect()).rejects.toThrow('set module to "lazy"');
});
