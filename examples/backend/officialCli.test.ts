import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { eventually } from "../../tests/eventually";
import { api, notebook } from "./fixture";
import { makeAppFolder, runCli, startCli } from "./fixture/convexCli";
import { connect, connectHttp, events, follow, runs, start } from "./fixture/setup";

const components = { mine: notebook };

/** The command line in one folder. */
function cliOf({ url, adminKey }: { url: string; adminKey: string }, key = adminKey) {
  const folder = makeAppFolder();
  const run = async (...args: string[]) => await runCli({ url, adminKey: key }, args, { folder });
  return { folder, run };
}

test("npx convex run calls functions of every kind, internal ones and those of components too", async () => {
  const backend = await start({ components });
  const cli = cliOf(backend);
  const ended = await Promise.all([
    cli.run("run", "messages:send", '{channel: "a", text: "hi"}'),
    cli.run("run", "internal.messages.deliver", '{text: "hidden"}'),
    cli.run("run", "logging:act"),
    cli.run("run", "notes:add", '{body: "noted"}', "--component", "mine"),
  ]);
  expect(ended.map(({ code, stdout }) => [code, stdout.trim()])).toEqual([
    [0, expect.stringMatching(/^"\d+messages"$/)],
    [0, ""],
    [0, "1"],
    [0, expect.stringMatching(/^"\d+notes"$/)],
  ]);
  expect(ended[2]?.stderr).toContain("'acting'");
  expect(await connectHttp(backend).query(api.messages.list, { channel: "later" })).toEqual(["hidden"]);
  expect(runs(backend, "mine/notes:add")).toMatchObject([{ caller: "http", args: { body: "noted" } }]);
});

test("npx convex run prints why a function failed, and lists the functions if it finds none", async () => {
  const cli = cliOf(await start());
  const [failed, missing] = await Promise.all([
    cli.run("run", "messages:deliver", '{text: "fail"}'),
    cli.run("run", "messages:nothing"),
  ]);
  expect(failed).toMatchObject({ code: 1, stderr: expect.stringContaining("Uncaught Error: undeliverable") });
  expect(missing.code).toBe(1);
  expect(missing.stderr).toContain("Could not find function for 'messages:nothing'.");
  expect(missing.stderr).toMatch(/Available functions:\n(• .*\n)*• messages:deliver\n/);
});

test("npx convex run --watch follows a query", async () => {
  const backend = await start();
  const watching = startCli(backend, ["run", "messages:list", '{channel: "a"}', "--watch"]);
  await eventually(() => expect(watching.stdout).toContain("[]"));
  await connectHttp(backend).mutation(api.messages.send, { channel: "a", text: "new" });
  await eventually(() => expect(watching.stdout).toContain('[\n  "new"\n]'));
});

test("npx convex run --identity acts as a user", async () => {
  const backend = await start();
  const cli = cliOf(backend);
  const identity = '{name: "Ann", subject: "s", issuer: "https://i"}';
  const { stdout } = await cli.run("run", "messages:whoAmI", "--identity", identity);
  expect(stdout.trim()).toBe('"Ann"');
  expect(await connect(backend).client.query(api.messages.whoAmI, {})).toBeNull();
});

test("npx convex env sets, lists, gets and removes variables, and functions see them", async () => {
  const backend = await start({ env: { FIXTURE_WORD: "first" } });
  const cli = cliOf(backend);
  const { values } = follow(connect(backend).client, api.logging.environment, {});
  await eventually(() => expect(values).toEqual(["first"]));
  expect((await cli.run("env", "set", "FIXTURE_WORD", "second")).code).toBe(0);
  await eventually(() => expect(values).toEqual(["first", "second"]));
  await runCli(backend, ["env", "set", "PIPED"], { folder: cli.folder, input: "two\nlines" });
  await writeFile(join(cli.folder, "variables"), "FILED=1\nPIPED=other\n");
  expect((await cli.run("env", "set", "--from-file", "variables", "--force")).code).toBe(0);
  const { stdout } = await cli.run("env", "list", "--include-values");
  expect(stdout).toBe("FILED=1\nFIXTURE_WORD=second\nPIPED=other\n");
  expect((await cli.run("env", "get", "PIPED")).stdout).toBe("other\n");
  expect((await cli.run("env", "remove", "FIXTURE_WORD")).code).toBe(0);
  await eventually(() => expect(values).toEqual(["first", "second", null]));
});

test("variables can be set and listed by the deployment's API, within Convex's limits", async () => {
  const { url, adminKey, logKey } = await start({ env: { OLD: "1" } });
  const update = async (changes: unknown, key = adminKey) => {
    const response = await fetch(`${url}/api/v1/update_environment_variables`, {
      method: "POST",
      headers: { authorization: `Convex ${key}` },
      body: JSON.stringify({ changes }),
    });
    return response.ok ? response.status : [response.status, (await response.json()).code];
  };
  expect(await update([{ name: "NEW", value: "2" }, { name: "OLD" }])).toBe(200);
  expect(await update([{ name: "CONVEX_SITE_URL", value: "x" }])).toEqual([400, "EnvVarNameForbidden"]);
  expect(await update([{ name: "2BE", value: "x" }])).toEqual([400, "EnvironmentVariableNameInvalid"]);
  expect(await update([{ name: "N".repeat(257), value: "x" }])).toEqual([400, "EnvironmentVariableNameTooLong"]);
  expect(await update([{ name: "N", value: "x".repeat(8_193) }])).toEqual([400, "EnvironmentVariableValueTooLarge"]);
  expect(await update([null])).toEqual([400, "BadJsonBody"]);
  expect(await update([], logKey)).toEqual([403, "OperationNotPermitted"]);
  expect(await update([], "embedded-backend|0123")).toEqual([401, "BadAdminKey"]);
  const list = await fetch(`${url}/api/v1/list_environment_variables`, {
    headers: { authorization: `Convex ${adminKey}` },
  });
  expect(await list.json()).toEqual({ environmentVariables: { NEW: "2" } });
});

test("a changed variable runs again the queries that have read it, and no others", async () => {
  const backend = await start({ env: { FIXTURE_WORD: "old" } });
  const { client } = connect(backend);
  const { values } = follow(client, api.logging.environment, {});
  const others = follow(client, api.messages.list, { channel: "a" });
  await eventually(() => expect([values, others.values]).toEqual([["old"], [[]]]));
  const update = await fetch(`${backend.url}/api/update_environment_variables`, {
    method: "POST",
    headers: { authorization: `Convex ${backend.adminKey}` },
    body: JSON.stringify({ changes: [{ name: "FIXTURE_WORD", value: "new" }] }),
  });
  expect(update.status).toBe(200);
  await eventually(() => expect(values).toEqual(["old", "new"]));
  await backend.idle();
  expect(runs(backend, "logging:environment")).toHaveLength(2);
  expect(runs(backend, "messages:list")).toHaveLength(1);
});

test("npx convex data shows tables and documents", async () => {
  const backend = await start({ components });
  const cli = cliOf(backend);
  for (const text of ["one", "two"]) {
    await backend.run((ctx) => ctx.db.insert("messages", { channel: "a", text, rank: 0 }));
  }
  const [tables, own, newest, oldest] = await Promise.all([
    cli.run("data"),
    cli.run("data", "notes", "--component", "mine"),
    cli.run("data", "messages", "--limit", "1"),
    cli.run("data", "messages", "--order", "asc", "--format", "jsonl"),
  ]);
  expect(tables.stdout).toBe("messages\nnotes\n");
  expect(own.stderr).toContain("There are no documents in this table.");
  expect(newest.stdout).toContain('"two"');
  expect(newest.stdout).not.toContain('"one"');
  expect(newest.stderr).toContain("Showing the 1 most recently created document.");
  expect(
    oldest.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line).text),
  ).toEqual(["one", "two"]);
  expect(events(backend, "execution")).toEqual([]);
});

test("npx convex function-spec describes functions and routes", async () => {
  const backend = await start();
  const cli = cliOf(backend);
  const [printed, filed] = await Promise.all([cli.run("function-spec"), cli.run("function-spec", "--file")]);
  const { url, functions } = JSON.parse(printed.stdout);
  expect(url).toBe(backend.url);
  const text = { fieldType: { type: "string" }, optional: false };
  expect(functions).toContainEqual({
    identifier: "messages.js:send",
    functionType: "Mutation",
    visibility: { kind: "public" },
    args: {
      type: "object",
      value: { channel: text, text, rank: { fieldType: { type: "number" }, optional: true } },
    },
    returns: { type: "id", tableName: "messages" },
  });
  expect(functions).toContainEqual({
    identifier: "messages.js:deliver",
    functionType: "Mutation",
    visibility: { kind: "internal" },
    args: { type: "object", value: { text } },
    returns: { type: "any" },
  });
  expect(functions).toContainEqual({ functionType: "HttpAction", method: "GET", path: "/files/*" });
  expect(JSON.stringify(functions)).not.toMatch(/_system|_generated/);
  const [, name = ""] = /Wrote function spec to (\S+)/.exec(filed.stdout) ?? [];
  expect(await readdir(cli.folder)).toContain(name);
  expect(JSON.parse(await readFile(join(cli.folder, name), "utf8"))).toEqual({ url, functions });
});

test("a key that may only view logs is refused elsewhere, and an unknown key everywhere", async () => {
  const backend = await start();
  const viewer = cliOf(backend, backend.logKey);
  const stranger = cliOf(backend, "embedded-backend|0123");
  const [data, internal, unknown] = await Promise.all([
    viewer.run("data"),
    viewer.run("run", "messages:deliver", '{text: "x"}'),
    stranger.run("run", "messages:deliver", '{text: "x"}'),
  ]);
  expect(data.stderr).toContain("You do not have permission to perform this operation (deployment:data:view).");
  expect(internal.stderr).toContain("(deployment:functions:runInternalMutations)");
  expect(unknown.stderr).toContain("The provided admin key was invalid for this instance");
  expect([data, internal, unknown].map(({ code }) => code)).toEqual([1, 1, 1]);
  expect(await connectHttp(backend).query(api.messages.list, { channel: "later" })).toEqual([]);
});

test("a push is refused with the reason", async () => {
  const cli = cliOf(await start());
  const { code, stderr } = await cli.run("deploy");
  expect(code).not.toBe(0);
  expect(stderr).toContain("The embedded backend runs the app that it was started with, and takes no code.");
});
