import MarkdownIt from "markdown-it";

/** A line of code, with its line number (1-based) in the file that it comes from. */
export interface Line {
  text: string;
  at: number;
}

/** A code block, with the code that comments hide around it. */
export interface Block {
  /** The line of its opening fence. */
  at: number;
  language: string;
  /** Whether it is a `ts run`. */
  isRun: boolean;
  /** The file that its first line names. */
  path: string | undefined;
  lines: Line[];
  before: Line[];
  after: Line[];
  /** The state in which its commands start, from a comment `given: …`. */
  given: string | undefined;
}

/** A file of the page's project that readers do not see. */
export interface HiddenFile {
  path: string;
  lines: Line[];
}

/** A fault of a page, and its place. */
export interface Problem {
  page: string;
  at: number;
  message: string;
}

/** A Markdown page, or a file of source with doc comments. */
export interface Page {
  /** Its path in the repository. */
  name: string;
  text: string;
  blocks: Block[];
  hiddenFiles: HiddenFile[];
  /** `Code` in paragraphs and tables, with the line on which the paragraph begins. */
  codeInText: Line[];
  /** Blocks that break the convention. */
  problems: Problem[];
}

/** Languages whose blocks are checked. */
const CHECKED = ["ts", "tsx", "js", "json", "sh", "console"];
/** Languages whose blocks are not checked. */
const UNCHECKED = ["", "text", "html", "css", "svelte", "vue", "yaml", "toml", "md", "mermaid", "dotenv"];

const PATH = /^\/\/ ((?:[\w.()[\]-]+\/)+[\w.()[\]-]+\.(?:[cm]?[jt]sx?)|[\w-]+\.config\.[cm]?[jt]s)$/;
const COMMENT = /^\s*<!--[ \t]*(before|after|file|given)\b:?[ \t]*(.*?)[ \t]*(?:\n([\s\S]*?))?-->\s*$/;

const markdown = new MarkdownIt({ html: true });

/** Reads a page: its code blocks, and the comments that belong to them. */
export function readPage(name: string, text: string): Page {
  const page: Page = { name, text, blocks: [], hiddenFiles: [], codeInText: [], problems: [] };
  const wrong = (at: number, message: string) => void page.problems.push({ page: name, at, message });
  let before: Line[] | undefined;
  let given: string | undefined;
  /** The block that a comment `after` would belong to. */
  let last: Block | undefined;
  for (const { type, map, content, info, children } of markdown.parse(text, {})) {
    const at = (map?.[0] ?? 0) + 1;
    for (const child of children ?? [])
      if (child.type === "code_inline") page.codeInText.push({ text: child.content, at });
    if (type === "fence") {
      const block = { ...readBlock(info, content, at), before: before ?? [], given };
      page.blocks.push(block);
      for (const problem of problemsOf(block)) wrong(problem.at, problem.message);
      [before, given, last] = [undefined, undefined, block];
      continue;
    }
    const [, kind, rest = "", code = ""] = (type === "html_block" && COMMENT.exec(content)) || [];
    if (kind === undefined) {
      if (before !== undefined || given !== undefined) wrong(at, "The hidden comment above stands before no block.");
      [before, given, last] = [undefined, undefined, undefined];
      continue;
    }
    const lines = linesOf(code, at + 1);
    if (kind === "given") given = rest;
    else if (kind === "file") page.hiddenFiles.push({ path: rest, lines });
    else if (rest !== "") wrong(at, `Begin a new line after "<!-- ${kind}".`);
    else if (kind === "before") before = lines;
    else if (last === undefined) wrong(at, "This hidden comment stands after no block.");
    else last.after = lines;
  }
  if (before !== undefined || given !== undefined)
    wrong(text.split("\n").length, "A hidden comment stands at the end.");
  return page;
}

function readBlock(info: string, content: string, at: number): Block {
  const [language = "", ...words] = info.trim().split(/[\s{[]+/);
  const lines = linesOf(content, at + 1);
  const path = isCode(language) ? PATH.exec(lines[0]?.text ?? "")?.[1] : undefined;
  const isRun = words.includes("run");
  return { at, language, isRun, path, lines, before: [], after: [], given: undefined };
}

function problemsOf({ at, language, lines, path }: Block): { at: number; message: string }[] {
  if (!isCode(language)) {
    const isKnown = [...CHECKED, ...UNCHECKED].includes(language);
    const message = `No check knows the language "${language}". These are checked: ${CHECKED.join(", ")}.`;
    return isKnown ? [] : [{ at, message }];
  }
  const [first] = lines;
  const hasNoFolder = path === undefined && first !== undefined && /^\/\/ [\w.-]+\.[cm]?[jt]sx?$/.test(first.text);
  return [
    ...(hasNoFolder ? [{ at: first.at, message: `Name the folder, too: ${first.text}` }] : []),
    ...lines
      .filter(({ text }) => text.includes("…"))
      .map(({ at, text }) => ({ at, message: `Code has no "…": ${text.trim()}` })),
  ];
}

/** Whether blocks of a language are type-checked. */
export function isCode(language: string): boolean {
  return ["ts", "tsx", "js"].includes(language);
}

function linesOf(code: string, at: number): Line[] {
  const lines = code.split("\n").map((text, i) => ({ text, at: at + i }));
  if (lines.at(-1)?.text === "") lines.pop();
  return lines;
}

/** `docs/start.md:12: …`, as an editor's terminal opens it. */
export function describeProblem({ page, at, message }: Problem): string {
  return `${page}:${at}: ${message}`;
}
