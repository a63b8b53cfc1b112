import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type ParseResult, parse } from "@babel/parser";
import { ROOT } from "../package/pack";
import { isCode, type Page, readPage } from "./markdown";
import { PRELUDES } from "./preludes";
import { type Project, slugOf } from "./projects";

type Statement = ParseResult["program"]["body"][number];
type Bound = Extract<Statement, { type: "VariableDeclaration" }>["declarations"][number]["id"];

/** A name that is neither a property nor the beginning of a text. */
const NAME = /(?<!["'\w]|(?<!\.\.)\.)[A-Za-z]\w*/g;

/** The files of `src` whose doc comments have code blocks. The command line exports nothing that an app imports. */
export function readDocComments(): Page[] {
  return readdirSync(join(ROOT, "src"), { recursive: true, encoding: "utf8" })
    .map((path) => `src/${path.replaceAll("\\", "/")}`)
    .filter((path) => /(?<!\.test)\.tsx?$/.test(path) && !path.startsWith("src/cli/"))
    .sort()
    .map((path) => readDocCommentsOf(path, readFileSync(join(ROOT, path), "utf8")))
    .filter(({ blocks, problems }) => blocks.length + problems.length > 0);
}

/** Reads the doc comments of a source as a page of Markdown with the source's line numbers. */
export function readDocCommentsOf(name: string, source: string): Page {
  const { comments } = parse(source, { sourceType: "module", plugins: ["typescript", "jsx"], errorRecovery: true });
  const lines = source.split("\n").map(() => "");
  for (const { type, value, loc } of comments ?? []) {
    if (type !== "CommentBlock" || !value.startsWith("*") || loc === undefined || loc === null) continue;
    const texts = value.slice(1).split("\n");
    for (const [i, text] of texts.entries()) lines[loc.start.line - 1 + i] = i === 0 ? text.trim() : unstarred(text);
  }
  return readPage(name, lines.join("\n"));
}

function unstarred(text: string): string {
  return text.replace(/^\s*\*? ?/, "").trimEnd();
}

/** The entry point that a source belongs to: `src/react/hooks.ts` → `react`, `src/views/view.ts` → `core`. */
function entryOf(source: string): string {
  const folder = source.split("/")[1] ?? "";
  return folder !== "core" && folder in PRELUDES ? folder : "core";
}

/** The modules from which examples of an entry point may import, each with its exports. */
function scopesOf(entry: string): [from: string, names: string[]][] {
  const scope = (name: string): [string, string[]][] => {
    const [index, from] = name === "core" ? ["src/index.ts", ""] : [`src/${name}/index.ts`, `/${name}`];
    return [
      [`./prelude-${name}`, exportsOf(PRELUDES[name] ?? "")],
      [`convex-lazy-views${from}`, exportsOf(readFileSync(join(ROOT, index), "utf8"))],
    ];
  };
  return entry === "core" ? scope("core") : [...scope(entry), ...scope("core")];
}

/**
 * The project of the examples. Each example is a module; a first line is added that imports all names that the example
 * uses and does not declare.
 */
export function exampleFiles(page: Page): Project {
  const scopes = scopesOf(entryOf(page.name));
  const files: Project = new Map();
  for (const { at, language, lines } of page.blocks) {
    if (!isCode(language)) continue;
    const code = lines.map(({ text }) => text).join("\n");
    const missing = new Set(code.match(NAME));
    for (const name of declarationsOf(code)) missing.delete(name);
    const imports = scopes.map(([from, names]) => {
      const found = names.filter((name) => missing.delete(name));
      // Names that an example assigns to are declared: an import cannot be assigned to.
      const [assigned, read] = [true, false].map((is) => found.filter((name) => isAssigned(name, code) === is));
      const declared = (assigned ?? []).map((name) => `declare let ${name}: typeof import("${from}").${name};`);
      return [`import { ${(read ?? []).join(", ")} } from "${from}";`, ...declared].join(" ");
    });
    const first = { text: imports.join(" "), at };
    files.set(`${slugOf(page.name)}-${at}.${language}`, { page: page.name, lines: [first, ...lines] });
  }
  return files;
}

function isAssigned(name: string, code: string): boolean {
  return new RegExp(`^\\s*${name} = `, "m").test(code);
}

/** Names that a module exports. */
function exportsOf(code: string): string[] {
  return statementsOf(code).flatMap((statement) => {
    if (statement.type !== "ExportNamedDeclaration") return [];
    const specifiers = statement.specifiers.map(({ exported }) =>
      "name" in exported ? exported.name : exported.value,
    );
    return [...specifiers, ...namesOf(statement.declaration)];
  });
}

/** Names that a module declares or imports; none when it cannot be parsed. */
function declarationsOf(code: string): string[] {
  return statementsOf(code).flatMap((statement) => {
    if (statement.type === "ImportDeclaration") return statement.specifiers.map(({ local }) => local.name);
    return namesOf(statement.type === "ExportNamedDeclaration" ? statement.declaration : statement);
  });
}

function statementsOf(code: string): Statement[] {
  try {
    return parse(code, { sourceType: "module", plugins: ["typescript", "jsx"], errorRecovery: true }).program.body;
  } catch {
    return [];
  }
}

function namesOf(declaration: Statement | null | undefined): string[] {
  if (declaration?.type === "VariableDeclaration") {
    return declaration.declarations.flatMap(({ id }) => boundNames(id));
  }
  const id = declaration && "id" in declaration ? declaration.id : undefined;
  return id?.type === "Identifier" ? [id.name] : [];
}

/** The bound names: of `a` and of `{ a, b: c }`. */
function boundNames(id: Bound): string[] {
  if (id.type === "Identifier") return [id.name];
  if (id.type !== "ObjectPattern") return [];
  return id.properties.flatMap((property) => {
    const value = property.type === "ObjectProperty" ? property.value : property.argument;
    return value.type === "Identifier" ? [value.name] : [];
  });
}
