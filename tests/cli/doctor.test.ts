import { execFile } from "node:child_process";
import { mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import type { Deployment } from "../../src/cli/deployment.js";
import { type Finding, Findings } from "../../src/cli/doctor/findings.js";
import type { Deployed } from "../../src/cli/doctor/functions.js";
import { lookAtRelay, lookAtTransports } from "../../src/cli/doctor/transports.js";
import { ROOT } from "../package/pack.js";
import { appFolder, commandLine, type ShopBackend, startShop, variablesOf } from "./commandLine.js";
import { APPS } from "./initApps.js";
import { modules } from "./shop/index.js";

const run = promisify(execFile);
const linesOf = (stdout: string, sign: string) => stdout.split("\n").filter((line) => line.startsWith(`${sign} `));

describe("without a deployment, it looks at the app's folder", () => {
  test("and says how to name a deployment", async () => {
    const app = await appFolder();
    const { code, stdout, stderr } = await commandLine(app, {}, "doctor");
    expect({ code, stderr }).toEqual({ code: 1, stderr: "" });
    expect(linesOf(stdout, "✓")).toEqual([expect.stringMatching(/^✓ convex 1\.\d+\.\d+ is installed\.$/)]);
    expect(linesOf(stdout, "✗")).toEqual([expect.stringMatching(/No Convex deployment is configured here\. Run `npx/)]);
    expect(stdout).toMatch(/\n1 thing is wrong\. \(1 piece of advice\)\n$/);
  });

  test("and reports secrets in files that git tracks or does not ignore, and in pages", async () => {
    const secret = "a secret of thirty-two characters";
    const app = await appFolder({
      ".env": `LAZY_VIEWS_SECRET="${secret}"\n`,
      ".env.local": `CONVEX_DEPLOY_KEY=\nVITE_LAZY_VIEWS_LOG_KEY="${secret}"\n`,
      ".env.production": `CONVEX_DEPLOY_KEY="${secret}"\n`,
      ".env.example": `LAZY_VIEWS_SECRET="${secret}"\n`,
      ".gitignore": ".env.local\nnode_modules\n",
    });
    await run("git", ["init", "--quiet"], { cwd: app });
    await run("git", ["add", ".env"], { cwd: app });
    const { stdout } = await commandLine(app, {}, "doctor", "--json");
    expect(stdout).not.toContain(secret);
    const { findings } = JSON.parse(stdout) as { findings: { level: string; what: string; fix: string }[] };
    const found = findings.filter(({ what }) => what.includes(".env")).map(({ what, fix }) => `${what} → ${fix}`);
    expect(found).toEqual([
      expect.stringMatching(/^\.env has LAZY_VIEWS_SECRET, and git has the file.* → git rm --cached \.env, then npx/),
      expect.stringMatching(/^LAZY_VIEWS_SECRET in \.env has no effect: .* → remove it there, then npx/),
      expect.stringMatching(/^\.env\.local has VITE_LAZY_VIEWS_LOG_KEY: bundlers put .*begin with VITE_ into pages/),
      ".env.production has CONVEX_DEPLOY_KEY, and git does not ignore the file. → echo .env.production >> .gitignore",
    ]);
  });

  test("and reports versions of packages, missing code, and mutations that the library does not see", async () => {
    const app = await appFolder();
    await rm(join(app, "node_modules"));
    for (const [name, version] of Object.entries({ convex: "1.46.1", "convex-lazy-views": "0.1.0" })) {
      await mkdir(join(app, "node_modules", name), { recursive: true });
      await writeFile(join(app, "node_modules", name, "package.json"), JSON.stringify({ name, version }));
    }
    const files = {
      ...APPS["Convex Auth's template"],
      "http.ts": "export default new HttpRouterWithHono(app);\n",
      "lazy.ts": `import { LazyViews } from "convex-lazy-views";
import { counts } from "./counts";
export const lazy = new LazyViews({ module: "lazy", views: { counts } });
export const { recompute, dispatch, sweep, inspect, heartbeat, tail } = lazy.functions();
`,
      "users.ts": 'import { mutation } from "./_generated/server";\nimport { query } from "./lazy";\n',
      "wrapped.ts": 'import { mutation as raw } from "./_generated/server";\nimport { lazy } from "./lazy";\n',
    };
    for (const [file, text] of Object.entries(files)) await writeFile(join(app, "convex", file), text);
    await symlink(join(ROOT, "node_modules/tsx"), join(app, "node_modules/tsx"));
    const { stdout } = await commandLine(app, {}, "doctor", "--verbose");
    const [found] = stdout.split("No Convex deployment");
    expect(found?.split("\n").slice(0, -1)).toEqual([
      "✗ convex 1.46.1 is installed, and this library needs ^1.47.0. → npm install convex@^1.47.0",
      expect.stringMatching(
        /^! The app has convex-lazy-views 0\.1\.0, and this command is of \d.* → npm install convex-lazy/,
      ),
      "! The app's package.json does not list convex-lazy-views. → npm install convex-lazy-views",
      "✗ The code lacks lines of the wiring in convex/schema.ts. → npx convex-lazy-views init, then npx convex dev --once",
      expect.stringMatching(
        /^! convex\/http\.ts may lack lines of the wiring: .* → npx convex-lazy-views init --dry-run$/,
      ),
      "! The library does not see what mutations of convex/users.ts write: they are made with the builders of _generated/server. → import mutation and internalMutation from the module that has new LazyViews({ … })",
      expect.stringMatching(/^ {2}A lint rule keeps raw mutations out of your code: see .*docs\/guarantees\.md/),
    ]);
  });
});

const SECRET = "a secret of thirty-two characters";
const LOG_KEY = "embedded-backend|0123456789abcdef";
const LIVELY = { logKey: LOG_KEY, logStreamIntervalMs: 20 };

/** Calls an endpoint of the deployment's API, and returns its answer. */
async function call(backend: ShopBackend, path: string, body: object) {
  const headers = { authorization: `Convex ${backend.adminKey}`, "content-type": "application/json" };
  const response = await fetch(`${backend.url}/api/v1/${path}`, {
    method: "POST",
    headers,
    body: JSON.stringify(body),
  });
  return (await response.json()) as { id: string; hmacSecret: string };
}

const createStream = (backend: ShopBackend, stream: object = {}) =>
  call(backend, "create_log_stream", {
    ...{ logStreamType: "webhook", format: "json", topics: ["console"], url: `${backend.siteUrl}/lazy-views/effects` },
    ...stream,
  });

describe("of a deployment", () => {
  test("that works, it lists what it has proved", async () => {
    const env = { LAZY_VIEWS_SECRET: SECRET, LAZY_VIEWS_LOG_KEY: LOG_KEY };
    const backend = await startShop({ ...LIVELY, env });
    const { code, stdout, stderr } = await commandLine(await appFolder(), variablesOf(backend), "doctor");
    expect(stdout + stderr).not.toContain(SECRET);
    expect(stdout + stderr).not.toContain(LOG_KEY);
    expect(linesOf(stdout, "✗")).toEqual([]);
    expect(linesOf(stdout, "✓")).toEqual([
      expect.stringContaining("convex"),
      `✓ The deployment is ${backend.url} (self-hosted).`,
      "✓ The deployment's module lazy exports the library's functions.",
      "✓ LAZY_VIEWS_LOG_KEY may read the function log, and no more.",
      expect.stringMatching(/^✓ An effect has gone all the way in [\d,]+ ms, and its recompute has run\.$/),
    ]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/\nNothing is wrong\. /);
  });

  test("that is half wired, it names each fault once, with its remedy", async () => {
    const lazy = async () => {
      const { sweep, ...others } = await import("./shop/lazy.js");
      return others;
    };
    const env = { LAZY_VIEWS_SECRET: "short", LAZY_VIEWS_STREAM_SECRET: SECRET };
    const backend = await startShop({ ...LIVELY, env, modules: { ...modules, "./lazy.ts": lazy } });
    await createStream(backend, { topics: null });
    const { code, stdout } = await commandLine(await appFolder(), variablesOf(backend), "doctor", "--json");
    const result = JSON.parse(stdout) as { findings: Finding[] };
    expect(code).toBe(1);
    expect(result).toMatchObject({ deployment: backend.url, module: "lazy", ok: false });
    expect(result).toMatchObject({ report: { views: { customerTotals: { rows: 0 } } } });
    const found = result.findings.filter(({ level }) => level !== "ok").map(({ what, fix }) => `${what} → ${fix}`);
    expect(found).toEqual([
      expect.stringContaining("package.json does not list convex-lazy-views"),
      "The deployment has no lazy:sweep, which lazy.functions() returns. → npx convex dev --once",
      expect.stringMatching(
        /^The log stream has all topics\. .* → npx convex-lazy-views connect --transport logStream --fix$/,
      ),
      expect.stringMatching(
        /^LAZY_VIEWS_STREAM_SECRET is not the log stream's secret, .* connect --transport logStream$/,
      ),
      "LAZY_VIEWS_SECRET has 5 characters; it needs at least 32. → npx convex-lazy-views connect",
    ]);
  });

  test("--no-heartbeat writes nothing there", async () => {
    const env = { LAZY_VIEWS_SECRET: SECRET, LAZY_VIEWS_LOG_KEY: LOG_KEY };
    const backend = await startShop({ ...LIVELY, env });
    const args = ["doctor", "--no-heartbeat", "--json"];
    const { code, stdout } = await commandLine(await appFolder(), variablesOf(backend), ...args);
    const { findings } = JSON.parse(stdout) as { findings: Finding[] };
    expect(findings.filter(({ level }) => level === "problem")).toEqual([
      { level: "problem", what: expect.stringMatching(/^Not checked yet: .*npx convex run lazy:heartbeat/), fix: null },
    ]);
    expect(code).toBe(1);
    expect(await backend.run((ctx) => ctx.db.query("lazyHealth").collect())).toEqual([]);
  });
});

describe("of the transports", () => {
  const DEPLOYED: Deployed = {
    ...{ module: "lazy", exports: [], transports: ["logStream", "logTail"], missing: [] },
    ...{ hasRoute: true, isComplete: true },
  };

  /** The findings about a deployment with these variables. Advice begins with `!`. */
  async function look(backend: ShopBackend, values: Record<string, string>, deployed: Partial<Deployed> = {}) {
    const notes: string[] = [];
    const findings = new Findings({ finding: () => {}, note: (text) => notes.push(text) });
    const { url, siteUrl, adminKey: key } = backend;
    const deployment: Deployment = { url, siteUrl, key, kind: "self-hosted", describe: url, env: {}, args: [] };
    const variables = Object.entries(values).map(([name, value]) => ({ name, value }));
    const context = { findings, deployment, deployed: { ...DEPLOYED, ...deployed }, variables, push: "push" };
    if (await lookAtTransports(context)) lookAtRelay(context, "never");
    return [
      ...findings.all.map(
        ({ level, what, fix }) => `${{ ok: "✓", advice: "!", problem: "✗" }[level]} ${what} → ${fix}`,
      ),
      ...notes.map((text) => `  ${text}`),
    ];
  }

  test("a log stream that is right, and a log key beside it", async () => {
    const backend = await startShop(LIVELY);
    const { hmacSecret } = await createStream(backend);
    const right = expect.stringMatching(/^✓ The log stream posts to .*, the topic console alone/);
    expect(await look(backend, { LAZY_VIEWS_STREAM_SECRET: hmacSecret })).toEqual([right]);
    const both = { LAZY_VIEWS_STREAM_SECRET: hmacSecret, LAZY_VIEWS_LOG_KEY: backend.adminKey };
    expect(await look(backend, both)).toEqual([
      right,
      expect.stringMatching(
        /^! Both log stream and log tail carry effects: .* → npx convex env remove LAZY_VIEWS_LOG_KEY$/,
      ),
      expect.stringMatching(/^✓ LAZY_VIEWS_LOG_KEY may read the function log\. It may do everything/),
    ]);
    expect(await look(backend, both, { transports: ["logStream"], hasRoute: false })).toEqual([
      "! LAZY_VIEWS_LOG_KEY is set, and the code does not allow the transport logTail. → npx convex env remove LAZY_VIEWS_LOG_KEY",
      expect.stringMatching(/^✗ The deployment has no route POST \/lazy-views\/effects, .* → push$/),
      right,
    ]);
  });

  test("a log stream that posts elsewhere, and a wrong log key", async () => {
    const backend = await startShop(LIVELY);
    const url = `${backend.siteUrl}/elsewhere`;
    await createStream(backend, { url });
    const elsewhere = `  The deployment's log stream posts to ${url}.`;
    expect(await look(backend, { LAZY_VIEWS_STREAM_SECRET: SECRET })).toEqual([
      expect.stringMatching(
        /^✗ LAZY_VIEWS_STREAM_SECRET is set, and no log stream posts to http.* --transport logStream$/,
      ),
      elsewhere,
    ]);
    const both = { LAZY_VIEWS_STREAM_SECRET: SECRET, LAZY_VIEWS_LOG_KEY: "embedded-backend|99" };
    expect(await look(backend, both)).toEqual([
      expect.stringMatching(/^! LAZY_VIEWS_STREAM_SECRET is set, and no log stream posts to this app/),
      expect.stringMatching(
        /^✗ LAZY_VIEWS_LOG_KEY of the deployment is refused: .*401.* → npx convex-lazy-views connect/,
      ),
      elsewhere,
    ]);
  });

  test("a plan without log streams", async () => {
    const backend = await startShop({ hasLogStreams: false });
    expect(await look(backend, {})).toEqual([
      "✗ This deployment's plan has no log streams, and no log key is set. → npx convex-lazy-views connect --transport logTail",
    ]);
    expect(await look(await startShop(LIVELY), {})).toEqual(["  This deployment's plan may have log streams."]);
  });
});
