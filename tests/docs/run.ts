import { type ParseResult, type ParserOptions, parse } from "@babel/parser";
import type { Line } from "./markdown";

/** The scope of a `ts run` block, on one line. */
const PRELUDE = [
  'import { testViews } from "convex-lazy-views/test";',
  'import { convexTest } from "convex-test";',
  'import { expect, test, vi } from "vitest";',
  'import { api, internal } from "./_generated/api";',
  'import schema from "./schema";',
].join(" ");
const OPENING = [
  'test("the block", async () => {',
  "vi.useFakeTimers();",
  'const t = convexTest({ schema, modules: import.meta.glob("./**/*.{ts,js}") });',
  "const views = testViews(t, vi);",
  "void [api, internal, views, expect];",
].join(" ");

/** Marks a value that a block shows. */
const OUTPUT = /^\s*→ ?/;

interface Edit {
  at: number;
  insert: string;
}

/**
 * Makes a test from a `ts run` block, which is the body of an async function. A comment `// → value` behind a statement
 * `await …;`, on the same line or the next ones, is the expected value of that expression.
 */
export function runnable(lines: Line[]): { lines: Line[]; problems: { at: number; message: string }[] } {
  const code = lines.map(({ text }) => text).join("\n");
  const first = { text: PRELUDE, at: lines[0]?.at ?? 1 };
  const lineAt = (line: number) => lines[line - 1]?.at ?? first.at;
  const options: ParserOptions = { sourceType: "module", plugins: ["typescript"], allowAwaitOutsideFunction: true };
  let parsed: ParseResult;
  try {
    parsed = parse(code, options);
  } catch (error) {
    return { lines: [], problems: [{ at: first.at, message: String(error) }] };
  }
  const { body } = parsed.program;
  const comments = parsed.comments ?? [];
  const outputs = comments.filter(({ value }) => OUTPUT.test(value));
  const edits: Edit[] = [];
  const problems: { at: number; message: string }[] = [];
  for (const output of outputs) {
    const outputLine = output.loc?.start.line ?? 1;
    const endingAt = (line: number) => body.find(({ loc }) => loc?.end.line === line);
    const statement = endingAt(outputLine) ?? endingAt(outputLine - 1);
    const wrong = (message: string) => void problems.push({ at: lineAt(outputLine), message });
    if (statement?.type !== "ExpressionStatement" || statement.end === undefined || statement.start === undefined) {
      wrong("This output does not follow a statement `await …;`.");
      continue;
    }
    // The value may continue in the comments of the next lines.
    const following: string[] = [];
    for (let line = outputLine; ; line++) {
      const next = comments.find(({ loc }) => loc?.start.line === line);
      if (next === undefined || (line > outputLine && OUTPUT.test(next.value))) break;
      following.push(next.value.replace(OUTPUT, ""));
    }
    const literal = following
      .map((_, i) => following.slice(0, i + 1).join("\n"))
      .find((text) => isExpression(text))
      ?.replaceAll("\n", " ");
    if (literal === undefined) {
      wrong(`This output is no JavaScript value: ${following[0]}`);
      continue;
    }
    const { expression } = statement;
    edits.push({ at: expression.start ?? 0, insert: "expect(" });
    edits.push({ at: expression.end ?? 0, insert: `).toEqual(${literal})` });
  }
  const isImport = lines.map(() => false);
  for (const { type, loc } of body) {
    if (type !== "ImportDeclaration" || !loc) continue;
    for (let line = loc.start.line; line <= loc.end.line; line++) isImport[line - 1] = true;
  }
  const edited = edits
    .sort((one, other) => other.at - one.at)
    .reduce((text, { at, insert }) => text.slice(0, at) + insert + text.slice(at), code)
    .split("\n")
    .map((text, i) => ({ text, at: lineAt(i + 1) }));
  return {
    lines: [
      first,
      ...edited.filter((_, i) => isImport[i]),
      { text: OPENING, at: first.at },
      ...edited.filter((_, i) => !isImport[i]),
      { text: "});", at: first.at },
    ],
    problems,
  };
}

function isExpression(text: string): boolean {
  try {
    parse(`(${text})`, { sourceType: "module" });
    return true;
  } catch {
    return false;
  }
}
