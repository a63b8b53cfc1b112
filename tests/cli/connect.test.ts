import { expect, test } from "vitest";
import type { ConnectResult } from "../../src/cli/connect/report.js";
import { eventually } from "../eventually";
import { appFolder, commandLine, type ShopBackend, startShop, variablesOf } from "./commandLine";
import { call, createStream, effectsUrl, refused, settings, startConvex } from "./deploymentApi";
import { looksOf, startLooks } from "./looks";
import { modules } from "./shop";

/** The interval of the log stream, in ms. A real one delivers every 5,000 ms. */
const INTERVAL_MS = 20;

/** A deployment that has no functions yet. */
const UNPUSHED = { "./_generated/api.ts": async () => ({}) };

const shop = async (options: Parameters<typeof startShop>[0] = {}) =>
  await startShop({ logStreamIntervalMs: INTERVAL_MS, ...options });

/** Runs `connect`, and checks that it prints none of the deployment's secrets. */
async function connect(backend: ShopBackend, args: string[] = [], env = variablesOf(backend), folder?: string) {
  const result = await commandLine(folder ?? (await appFolder()), env, "connect", ...args);
  const secrets = [backend.adminKey, backend.logKey, ...Object.values(await settings(backend))];
  for (const secret of secrets) expect(result.stdout + result.stderr).not.toContain(secret);
  return result;
}

/** As `connect`, with `--json`. */
async function connectJson(backend: ShopBackend, ...args: string[]) {
  const { stdout, stderr, code } = await connect(backend, [...args, "--json"]);
  expect(stdout, stderr).not.toBe("");
  return { code, ...(JSON.parse(stdout) as ConnectResult) };
}

test("sets up the log stream of a new deployment, changes nothing when run again, and rotates its secrets", async () => {
  const backend = await shop();
  const first = await connect(backend);
  expect(first.stderr).not.toContain("warning:");
  expect(first.stdout).toMatch(/^Connected by logStream: an effect has gone all the way in [\d,]+ ms/m);
  expect(first.code).toBe(0);
  const found = await settings(backend);
  expect(found.LAZY_VIEWS_SECRET).toMatch(/^[0-9a-f]{64}$/);
  const streams = await call(backend, "list_log_streams");
  expect(streams).toMatchObject([
    {
      logStreamType: "webhook",
      url: effectsUrl(backend),
      topics: ["console"],
      hmacSecret: found.LAZY_VIEWS_STREAM_SECRET,
    },
  ]);

  expect(await connectJson(backend)).toMatchObject({
    code: 0,
    deployment: backend.url,
    module: "lazy",
    transport: "logStream",
    connected: true,
    canaryMs: expect.any(Number),
    changes: [],
    warnings: [],
    problems: [],
  });
  expect(await settings(backend)).toEqual(found);
  expect(await call(backend, "list_log_streams")).toEqual(streams);

  // Rotates the secrets while effects flow.
  const looking = startLooks(backend);
  const { code, stdout, stderr } = await connect(backend, ["--rotate"]);
  expect(code, stderr).toBe(0);
  const next = await looking.stop();
  expect(next).toBeGreaterThan(10);
  expect(stdout).toContain("Rotated LAZY_VIEWS_SECRET");
  const after = await settings(backend);
  expect(after).toMatchObject({
    LAZY_VIEWS_SECRET_PREVIOUS: found.LAZY_VIEWS_SECRET,
    LAZY_VIEWS_STREAM_SECRET_PREVIOUS: found.LAZY_VIEWS_STREAM_SECRET,
  });
  expect(after.LAZY_VIEWS_SECRET).not.toBe(found.LAZY_VIEWS_SECRET);
  expect(await call(backend, "list_log_streams")).toMatchObject([{ hmacSecret: after.LAZY_VIEWS_STREAM_SECRET }]);
  // The route has accepted each delivery, with the old secret or the new one.
  expect(refused(backend)).toEqual([]);

  // Effects also flow with the new secrets alone.
  const changes = Object.keys(after)
    .filter((name) => name.endsWith("_PREVIOUS"))
    .map((name) => ({ name, value: null }));
  await call(backend, "update_environment_variables", { changes });
  const last = (await startLooks(backend, next).stop()) - 1;
  await eventually(async () => expect(await looksOf(backend)).toContain(last));
  expect(refused(backend)).toEqual([]);
});

test("sets up the log tail with a key that may only view logs, and rotates the secret", async () => {
  const backend = await shop();
  const first = await connectJson(backend, "--transport", "logTail", "--log-key", backend.logKey);
  expect(first).toMatchObject({ code: 0, transport: "logTail", connected: true, problems: [], warnings: [] });
  expect(first.changes).toHaveLength(2);
  const found = await settings(backend);
  expect(found.LAZY_VIEWS_LOG_KEY).toBe(backend.logKey);

  // A second run rotates the secret and changes nothing else. Effects flow meanwhile, and none is lost.
  const looking = startLooks(backend);
  const again = await connectJson(backend, "--rotate");
  expect(again).toMatchObject({ code: 0, transport: "logTail", connected: true });
  expect(again.changes).toEqual([expect.stringContaining("Rotated LAZY_VIEWS_SECRET")]);
  const count = await looking.stop();
  expect(await settings(backend)).toMatchObject({
    LAZY_VIEWS_SECRET_PREVIOUS: found.LAZY_VIEWS_SECRET,
    LAZY_VIEWS_LOG_KEY: backend.logKey,
  });
  expect(count).toBeGreaterThan(10);
  await eventually(async () => expect(await looksOf(backend)).toEqual([...Array(count).keys()]));
});

test("switches to another transport, and ends the previous one on request", async () => {
  const backend = await shop();
  await connectJson(backend, "--transport", "logStream");
  const both = await connectJson(backend, "--transport", "logTail", "--log-key", backend.logKey);
  const remedy = "`npx convex-lazy-views connect --transport logTail --fix` ends it.";
  expect(both).toMatchObject({ code: 0, warnings: [expect.stringContaining(remedy)] });

  const tail = await connectJson(backend, "--transport", "logTail", "--fix");
  expect(tail).toMatchObject({ code: 0, connected: true, problems: [], warnings: [] });
  expect(tail.changes).toEqual([expect.stringContaining("Ended the log stream")]);
  expect(await settings(backend)).not.toHaveProperty("LAZY_VIEWS_STREAM_SECRET");
  expect(await call(backend, "list_log_streams")).toEqual([]);

  const stream = await connectJson(backend, "--transport", "logStream", "--fix");
  expect(stream).toMatchObject({ code: 0, connected: true, problems: [], warnings: [] });
  expect(stream.changes).toContainEqual(expect.stringContaining("Ended the log tail"));
  expect(await settings(backend)).not.toHaveProperty("LAZY_VIEWS_LOG_KEY");
});

test("does not set a log key that is refused", async () => {
  const backend = await shop();
  const { code, stderr } = await connect(backend, [
    "--transport",
    "logTail",
    "--log-key",
    "embedded-backend|0123456789",
  ]);
  expect(code).toBe(1);
  expect(stderr).toMatch(/The key is refused: .*401/);
  expect(stderr).toContain("Give one with --log-key.");
  expect(await settings(backend)).not.toHaveProperty("LAZY_VIEWS_LOG_KEY");
});

test("sets up clients, for a user who is logged in", async () => {
  const backend = await shop();
  const login = {
    CONVEX_DEPLOYMENT: "dev:shop",
    CONVEX_OVERRIDE_ACCESS_TOKEN: "the token of a login",
    CONVEX_PROVISION_HOST: await startConvex(backend),
  };
  const keyless = await connect(backend, ["--prod", "--transport", "logStream"], login);
  expect(keyless.code).toBe(1);
  expect(keyless.stderr).toMatch(/needs a key.*npx convex deployment token create/);

  const result = await connect(backend, ["--prod", "--transport", "client", "--json"], login);
  const { transport, connected, problems, warnings } = JSON.parse(result.stdout) as ConnectResult;
  expect({ transport, connected, problems, warnings }).toEqual({
    transport: "client",
    connected: true,
    problems: [],
    warnings: [],
  });
  expect(Object.keys(await settings(backend))).toEqual(["LAZY_VIEWS_SECRET"]);
});

test("warns of a log stream with other topics, and corrects it on request", async () => {
  // Each delivery causes another, so a longer interval limits their number.
  const backend = await shop({ logStreamIntervalMs: 500 });
  await createStream(backend, { url: effectsUrl(backend), topics: null });
  const warned = await connectJson(backend);
  expect(warned.warnings).toEqual([expect.stringMatching(/has all topics.*--fix/)]);
  expect(await call(backend, "list_log_streams")).toMatchObject([{ topics: null }]);

  const mended = await connectJson(backend, "--fix");
  expect(mended).toMatchObject({
    code: 0,
    connected: true,
    warnings: [],
    problems: [],
    changes: [expect.stringContaining("Changed")],
  });
  expect(await call(backend, "list_log_streams")).toMatchObject([{ topics: ["console"] }]);
});

test("leaves a log stream alone that posts elsewhere", async () => {
  const backend = await shop();
  await createStream(backend, { url: "http://127.0.0.1:9/elsewhere", topics: ["console"] });
  const asked = await connect(backend, ["--transport", "logStream"]);
  expect(asked.code).toBe(1);
  expect(asked.stderr).toMatch(/posts to http:\/\/127\.0\.0\.1:9\/elsewhere.*--fix/);

  const unasked = await connect(backend);
  expect(unasked.code).toBe(1);
  expect(unasked.stderr).toMatch(/logTail takes its place.*\n.*needs a key that may view logs/);
  expect(await call(backend, "list_log_streams")).toMatchObject([{ url: "http://127.0.0.1:9/elsewhere" }]);
});

test("uses the log tail on a plan without log streams, and the command's own key for it only on request", async () => {
  const backend = await shop({ hasLogStreams: false });
  const refused = await connect(backend);
  expect(refused.code).toBe(1);
  expect(refused.stderr).toMatch(/plan has no log streams.*\n.*--log-key.*--yes/);
  expect(await settings(backend)).not.toHaveProperty("LAZY_VIEWS_LOG_KEY");

  const agreed = await connectJson(backend, "--yes");
  expect(agreed).toMatchObject({ code: 0, transport: "logTail", connected: true, problems: [] });
  expect(agreed.warnings).toEqual([
    expect.stringContaining("plan has no log streams"),
    expect.stringContaining("may do everything"),
  ]);
  expect(await settings(backend)).toMatchObject({ LAZY_VIEWS_LOG_KEY: backend.adminKey });
});

test("says what to do about missing functions", async () => {
  const { "./lazy.ts": lazy, "./http.ts": http, ...others } = modules;
  const folder = await appFolder();
  const unpushed = await shop({ modules: UNPUSHED });
  const missing = await connect(unpushed, [], variablesOf(unpushed), folder);
  expect(missing.code).toBe(1);
  expect(missing.stderr).toMatch(/npx convex dev --once.*npx convex-lazy-views init/);

  const unrouted = await shop({ modules: { ...others, "./lazy.ts": lazy as never } });
  const obstacle = await connect(unrouted, ["--transport", "logStream"], variablesOf(unrouted), folder);
  expect(obstacle.code).toBe(1);
  expect(obstacle.stderr).toContain("lazy.registerRoutes(http)");
  expect(await settings(unrouted)).toEqual({});
});

test("reports a wrong key, and that no deployment is named", async () => {
  const backend = await shop();
  const folder = await appFolder();
  const wrong = await connect(
    backend,
    [],
    variablesOf({ ...backend, adminKey: "embedded-backend|0123456789" }),
    folder,
  );
  expect(wrong.code).toBe(1);
  expect(wrong.stderr).toContain("The key is wrong, or of another deployment.");
  expect(wrong.stderr).not.toMatch(/ {4}at |0123456789/);

  const noUrl = await connect(backend, ["--url", "localhost:3210"], variablesOf(backend), folder);
  expect(noUrl.stderr).toContain('"localhost:3210" is not the URL of a deployment');

  const unnamed = await connect(backend, [], {}, folder);
  expect(unnamed.code).toBe(1);
  expect(unnamed.stderr).toContain("npx convex dev --once");
});

test("finds the deployment in .env.local, and by a deploy key", async () => {
  const backend = await shop({ modules: UNPUSHED });
  const lines = Object.entries(variablesOf(backend)).map(([name, value]) => `${name}=${value}\n`);
  const folder = await appFolder({ ".env.local": lines.join("") });
  const local = await connect(backend, [], {}, folder);
  expect(local.stdout, local.stderr).toContain(`The deployment is ${backend.url} (self-hosted).`);

  const env = { CONVEX_DEPLOY_KEY: `dev:${backend.adminKey}`, CONVEX_PROVISION_HOST: await startConvex(backend) };
  const keyed = await connect(backend, [], env);
  expect(keyed.stdout, keyed.stderr).toContain(`The deployment is ${backend.url} (cloud).`);
});
