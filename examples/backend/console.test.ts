import { expect, test, vi } from "vitest";
import { eventually } from "../../tests/eventually";
import { logLine } from "./console";
import { api } from "./fixture";
import { connect, connectHttp, events, follow, start } from "./fixture/setup";
import type { Readable } from "./reporter";

test("arguments are formatted as Convex formats them", async () => {
  const backend = await start();
  await connectHttp(backend).mutation(api.logging.levels, {});
  const lines = events(backend, "console").map(({ level, message }) => [level, message]);
  expect(lines).toEqual([
    ["DEBUG", "'it\\'s' 1"],
    ["LOG", "null undefined"],
    ["INFO", "[ 1, 'two' ]"],
    ["WARN", "{\n  deep: {\n    er: 1n\n  }\n}"],
    ["ERROR", "'oops'"],
  ]);
});

test("clients print the lines of what they call", async () => {
  const { client, printed } = connect(await start());
  const { values } = follow(client, api.logging.count, { channel: "a" });
  await eventually(() => expect(values).toEqual([0]));
  await client.mutation(api.logging.levels, {});
  expect(printed[0]).toContain("[CONVEX Q(logging:count)] [DEBUG]");
  expect(printed[0]).toContain("'counted' {");
  expect(printed[1]).toContain("[CONVEX M(logging:levels)] [DEBUG]");
  expect(printed).toHaveLength(6);
});

test("an execution has 256 lines, and the last one says when there were more", async () => {
  const backend = await start();
  const http = connectHttp(backend);
  await http.mutation(api.logging.flood, { lines: 255 });
  expect(events(backend, "console")).toHaveLength(255);
  await http.mutation(api.logging.flood, { lines: 300 });
  const lines = events(backend, "console").slice(255);
  expect(lines).toHaveLength(256);
  expect(lines.at(-2)?.message).toBe("254");
  expect(lines.at(-1)).toMatchObject({
    level: "ERROR",
    message: "Log overflow (maximum 256). Remaining log lines omitted.",
  });
});

test("a long line is cut between characters", async () => {
  const backend = await start();
  const http = connectHttp(backend);
  await http.mutation(api.logging.long, { text: "x".repeat(32_000) });
  await http.mutation(api.logging.long, { text: "é".repeat(20_000) });
  const [whole, cut] = events(backend, "console");
  expect(whole).toMatchObject({ truncated: false, message: `'${"x".repeat(32_000)}' 'tail'` });
  expect(cut).toMatchObject({ truncated: true, message: `'${"é".repeat(16_383)}` });
});

test("the limit counts bytes", () => {
  expect(logLine("LOG", ["x".repeat(32_766)], "p").truncated).toBe(false);
  expect(logLine("LOG", ["x".repeat(32_768)], "p").truncated).toBe(true);
});

test("lines belong to the function that wrote them, events to the request", async () => {
  const backend = await start();
  await connectHttp(backend).query(api.logging.outer, { channel: "a" });
  const [outer, inner] = events(backend, "console");
  expect(outer).toMatchObject({ path: "logging:outer", udfType: "query" });
  expect(inner).toMatchObject({ path: "logging:count", udfType: "query" });
  expect(inner?.requestId).toBe(outer?.requestId);
});

test("other code writes to the console as before", async () => {
  const backend = await start();
  const print = vi.spyOn(console, "info").mockImplementation(() => {});
  console.info("from outside");
  expect(print).toHaveBeenCalledWith("from outside");
  print.mockRestore();
  await backend.run(async () => {});
  expect(events(backend, "console")).toEqual([]);
});

test("the trace says what the app notes of the documents that a function met, and how many a query read", async () => {
  const noteOf: Readable["noteOf"] = ({ table, document, written }) =>
    table === "messages" ? [String(document().text), written] : undefined;
  const backend = await start({ noteOf });
  const http = connectHttp(backend);
  await http.mutation(api.messages.send, { channel: "a", text: "one" });
  await http.query(api.messages.list, { channel: "a" });
  const told = events(backend, "execution").map(({ notes, documentsRead }) => ({ notes, documentsRead }));
  expect(told).toEqual([
    { notes: [["one", true]], documentsRead: undefined },
    { notes: [["one", false]], documentsRead: 1 },
  ]);
});
