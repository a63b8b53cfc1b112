import { posix } from "node:path";
import MagicString from "magic-string";
import { type Project, stemOf } from "./project.js";
import type { ImportDeclaration, ObjectExpression, Source, Statement } from "./syntax.js";

/* Insertions into a source file, in the style of the file. Existing code is neither replaced nor formatted. */

/** How a file is written. */
interface Style {
  quote: string;
  semicolon: string;
  newline: string;
  /** The ending of specifiers of the app's own modules: none, `.js` or `.ts`. */
  ending: string;
}

const IMPORTS = /^import\s[^;]*?from\s*(["'])([^"']+)\1(;?)/gm;

/** The style of a text; if it has no import, that of most imports of the app. */
function styleOf(text: string, project: Project): Style {
  const texts = [text, ...project.files.values()];
  const lists = texts.map((each) => [...each.matchAll(IMPORTS)]);
  const all = lists.slice(1).flat();
  const isRelative = ([, , specifier = ""]: RegExpExecArray) => specifier.startsWith(".");
  const own = lists[0] ?? [];
  const imports = own.length > 0 ? own : all;
  const relative = own.some(isRelative) ? own.filter(isRelative) : all.filter(isRelative);
  const most = (list: RegExpExecArray[], pick: (match: RegExpExecArray) => string, otherwise: string) => {
    const counts = new Map<string, number>();
    for (const match of list) counts.set(pick(match), (counts.get(pick(match)) ?? 0) + 1);
    return [...counts].sort(([, a], [, b]) => b - a)[0]?.[0] ?? otherwise;
  };
  return {
    quote: most(imports, ([, quote = '"']) => quote, '"'),
    semicolon: most(imports, ([, , , semicolon = ""]) => semicolon, ";"),
    newline: texts.some((each) => each.includes("\r\n")) && !/[^\r]\n/.test(text) ? "\r\n" : "\n",
    ending: most(relative, ([, , specifier = ""]) => /\.[jt]s$/.exec(specifier)?.[0] ?? "", ""),
  };
}

/** The text of a new file, or of an existing one to which lines are added. */
export class Edit {
  /** The lines that were added. */
  readonly added: string[] = [];
  readonly style: Style;
  private readonly text: MagicString;

  constructor(
    project: Project,
    readonly file: string,
    private readonly source?: Source,
  ) {
    this.style = styleOf(source?.text ?? "", project);
    this.text = new MagicString(source?.text ?? "");
  }

  toString(): string {
    return this.text.toString();
  }

  /** Writes code in the file's style: its quotes, semicolons and ends of lines. */
  styled(code: string): string {
    const { quote, semicolon, newline } = this.style;
    return code.replaceAll('"', quote).replaceAll(/;$/gm, semicolon).replaceAll("\n", newline);
  }

  /** The specifier of a module of the app. @param module - Its path in the functions folder. */
  specifier(module: string): string {
    const path = posix.relative(posix.dirname(this.file), stemOf(module));
    return `${path.startsWith(".") ? "" : "./"}${path}${this.style.ending}`;
  }

  /** The line that imports names. */
  importLine(names: string, from: string): string {
    return this.styled(`import { ${names} } from "${from}";`);
  }

  /** Imports a name: adds it to an import of the same module, or a line below the last import, which must be there. */
  import(name: string, from: string): void {
    const { source, text, style } = this;
    const imports = source?.body.filter((each): each is ImportDeclaration => each.type === "ImportDeclaration") ?? [];
    const same = imports.find((each) => each.source.value === from && each.importKind !== "type");
    const lastNamed = same?.specifiers.filter(({ type }) => type === "ImportSpecifier").at(-1);
    this.added.push(this.importLine(name, from));
    if (lastNamed) text.appendLeft(endOf(lastNamed), `, ${name}`);
    else {
      const last = endOf(imports.at(-1));
      const rest = /^[^\n\r]*/.exec(source?.text.slice(last) ?? "")?.[0] ?? "";
      const isComment = /^\s*(\/\/.*|\/\*.*\*\/\s*)?$/.test(rest);
      text.appendLeft(isComment ? last + rest.length : last, style.newline + this.importLine(name, from));
    }
  }

  /** Adds properties or spreads to the end of an object, or names to the end of a pattern. */
  addTo(object: ObjectExpression | PatternLike, entries: string[]): void {
    if (entries.length === 0) return;
    const { text, style } = this;
    const whole = this.source?.text ?? "";
    const close = endOf(object) - (whole[endOf(object) - 1] === "}" ? 1 : 0);
    const last = object.properties.at(-1);
    const lineStart = whole.lastIndexOf("\n", close - 1) + 1;
    const closeIndent = whole.slice(lineStart, close);
    this.added.push(...entries.map((entry) => `${entry},`));
    if (lineStart > startOf(object) && closeIndent.trim() === "") {
      if (last && !this.hasCommaAfter(endOf(last), close)) text.appendLeft(endOf(last), ",");
      const indent =
        (last && this.indentOf(startOf(last))) ?? `${closeIndent}${closeIndent.includes("\t") ? "\t" : "  "}`;
      text.appendLeft(lineStart, entries.map((entry) => `${indent}${entry},${style.newline}`).join(""));
    } else if (last) text.appendLeft(endOf(last), `, ${entries.join(", ")}`);
    else text.appendLeft(startOf(object) + 1, ` ${entries.join(", ")} `);
  }

  /** Adds a statement above another. */
  addBefore(statement: Statement, code: string): void {
    const { text, style, source } = this;
    const whole = source?.text ?? "";
    this.added.push(this.styled(code));
    let position = startOf(statement);
    if (this.indentOf(position) === undefined) {
      // Statements on one line need semicolons.
      text.appendLeft(position, `${this.styled(code).replace(/;?$/, ";")} `);
      return;
    }
    // A comment right above the statement belongs to it.
    for (;;) {
      position = whole.lastIndexOf("\n", position - 1) + 1;
      const above = source?.comments.find(({ end }) => end < position && whole.slice(end, position).trim() === "");
      const isRightAbove = above && !/\n\s*\n/.test(whole.slice(above.end, position));
      if (!isRightAbove || this.indentOf(above.start) === undefined) break;
      position = above.start;
    }
    const isApart = /\n[ \t]*\r?\n$/.test(whole.slice(0, position));
    text.appendLeft(position, this.styled(code) + style.newline + (isApart ? style.newline : ""));
  }

  /** Adds a statement below another. */
  addAfter(statement: Statement, code: string): void {
    this.added.push(this.styled(code));
    this.text.appendLeft(endOf(statement), this.style.newline + this.styled(code));
  }

  /** Writes a new file. */
  write(code: string): void {
    this.added.push(...this.styled(code).trimEnd().split(this.style.newline));
    this.text.append(this.styled(code));
  }

  private hasCommaAfter(position: number, end: number): boolean {
    const { text = "", comments = [] } = this.source ?? {};
    const isComment = (at: number) => comments.some((each) => each.start <= at && at < each.end);
    for (let at = position; at < end; at++) if (text[at] === "," && !isComment(at)) return true;
    return false;
  }

  /** The indentation before a position, if nothing else stands before it on its line. */
  private indentOf(position: number): string | undefined {
    const whole = this.source?.text ?? "";
    const indent = whole.slice(whole.lastIndexOf("\n", position - 1) + 1, position);
    return indent.trim() === "" ? indent : undefined;
  }
}

/** An object or a pattern, `{ … }`. */
export interface PatternLike {
  properties: readonly { start?: number | null; end?: number | null }[];
  start?: number | null;
  end?: number | null;
}

const startOf = (node: { start?: number | null } | undefined): number => node?.start ?? 0;
const endOf = (node: { end?: number | null } | undefined): number => node?.end ?? 0;
