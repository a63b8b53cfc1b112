import { expect, test } from "vitest";
import { eventually } from "../../tests/eventually";
import { api } from "./fixture";
import { startCli } from "./fixture/convexCli";
import { connectHttp, start } from "./fixture/setup";

test("npx convex logs shows what was logged before and what is logged now", async () => {
  const backend = await start();
  const http = connectHttp(backend);
  await http.mutation(api.messages.send, { channel: "a", text: "x" });
  await http.query(api.logging.count, { channel: "before" });
  const logs = startCli(backend, ["logs", "--history", "2", "--success"]);
  await eventually(() => expect(logs.stdout).toContain("before"));
  expect(logs.stdout).toContain("[CONVEX M(messages:send)] Function executed in");
  await http.action(api.logging.act, {});
  await expect(http.query(api.messages.crash, { channel: "a" })).rejects.toThrow();
  await eventually(() => expect(logs.stdout).toContain("Uncaught Error: boom 1"));
  await backend.restart();
  await eventually(async () => expect(await http.query(api.logging.count, { channel: "after" })).toBe(0));
  await eventually(() => expect(logs.stdout).toContain("'after'"));
  expect(logs.stdout).toMatch(/\[CONVEX A\(logging:act\)\] \[LOG\] 'acting'/);
  expect(logs.stdout).toMatch(
    /\[CONVEX Q\(logging:count\)\] \[DEBUG\] 'counted' \{\n {2}channel: 'acted',\n {2}n: 1\n\}/,
  );
});

test("npx convex logs --jsonl writes the entries", async () => {
  const backend = await start();
  const http = connectHttp(backend);
  await http.query(api.logging.count, { channel: "a" });
  const logs = startCli(backend, ["logs", "--jsonl", "--history", "1"]);
  await eventually(() => expect(logs.stdout).toMatch(/\n$/));
  expect(JSON.parse(logs.stdout)).toMatchObject({
    kind: "Completion",
    identifier: "logging:count",
    logLines: [{ level: "DEBUG", messages: ["'counted'", expect.any(String)] }],
    usageStats: { databaseReadDocuments: 0 },
  });
});
