import { readdir, readFile } from "node:fs/promises";
import { join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build, type Plugin } from "esbuild";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
/** A change that `compile` makes to the library's source, such as a planted bug. */
export interface Edit {
  /** Path from the repository's root. */
  file: string;
  find: string;
  replace: string;
}

/** The globals that the code sees in place of the machine's own. */
export interface Globals {
  Convex: object;
  console: object;
  Date: DateConstructor;
  Math: Math;
  crypto: object;
  process: object;
  Response: unknown;
  setTimeout?: unknown;
  clearTimeout?: unknown;
  /** On servers. */
  fetch?: unknown;
  /** On clients. */
  performance?: object;
}

const NAMES: readonly (keyof Globals)[] = [
  "Convex",
  "console",
  "Date",
  "Math",
  "crypto",
  "process",
  "Response",
  "performance",
  "setTimeout",
  "clearTimeout",
  "fetch",
];

/** The app, the library and their imports, compiled into one function. Each call evaluates all of it again. */
export type Program = (globals: Globals) => unknown;

/** What `compile` takes. */
export interface CompileOptions {
  /** The file whose exports are the code of an app. */
  entry: string;
  /** Changes of the library's source. */
  edits?: readonly Edit[];
  /** Where a component is mounted → the folder of its compiled code. */
  components?: Readonly<Record<string, string>>;
}

/**
 * Compiles an app. Every call of the program evaluates all modules again, so that, as in Convex, executions do not
 * share the variables of modules.
 *
 * @throws Error when the text of an edit does not occur exactly once: adapt the edit to the code.
 */
export async function compile({ entry, edits = [], components = {} }: CompileOptions): Promise<Program> {
  const { outputFiles } = await build({
    stdin: {
      contents: [`export * from ${JSON.stringify(entry)};`, await importing(components)].join("\n"),
      resolveDir: ROOT,
    },
    absWorkingDir: ROOT,
    bundle: true,
    write: false,
    format: "iife",
    globalName: "app",
    platform: "neutral",
    mainFields: ["module", "main"],
    conditions: ["import"],
    target: "es2022",
    logLevel: "silent",
    plugins: [editing(edits)],
  });
  const code = outputFiles[0]?.text ?? "";
  const program = new Function(...NAMES, `${code}\nreturn app;`) as (...globals: unknown[]) => unknown;
  return (globals) => program(...NAMES.map((name) => globals[name] ?? globalThis[name as never]));
}

/** Code that exports the modules of components, in the form of `AppCode`. */
async function importing(components: Readonly<Record<string, string>>): Promise<string> {
  const imports: string[] = [];
  const mounted = Object.entries(components).map(async ([mount, folder]) => {
    const files = (await readdir(folder, { recursive: true })).filter(isModule).sort();
    const modules = files.map((file) => {
      const name = `module${imports.length}`;
      imports.push(`import * as ${name} from ${JSON.stringify(join(folder, file))};`);
      return { name, path: file.replace(/\.js$/, "") };
    });
    const schema = modules.find(({ path }) => path === "schema")?.name;
    const list = modules.map(({ name, path }) => `${JSON.stringify(path)}: ${name}`).join(", ");
    return `${JSON.stringify(mount)}: { schema: ${schema}.default, modules: { ${list} } }`;
  });
  const listed = (await Promise.all(mounted)).join(",\n");
  return [...imports, `export const components = {\n${listed}\n};`].join("\n");
}

/** Whether a file of a component is one of its modules: not generated, no test, not its configuration, no cron. */
function isModule(file: string): boolean {
  return /^[\w/]+\.js$/.test(file) && !/^(_generated|crons\.js)/.test(file);
}

function editing(edits: readonly Edit[]): Plugin {
  return {
    name: "edits",
    setup({ onLoad, onEnd }) {
      const made = new Set<Edit>();
      onLoad({ filter: /[\\/]src[\\/].*\.ts$/ }, async ({ path }) => {
        const file = relative(ROOT, path);
        const own = edits.filter((edit) => resolve(ROOT, edit.file) === path);
        if (own.length === 0) return undefined;
        let contents = await readFile(path, "utf8");
        for (const edit of own) {
          const found = contents.split(edit.find).length - 1;
          if (found !== 1) throw new Error(`${file} has ${found} times: ${edit.find}`);
          contents = contents.replace(edit.find, () => edit.replace);
          made.add(edit);
        }
        return { contents, loader: "ts" };
      });
      onEnd(() => {
        const missed = edits.find((edit) => !made.has(edit));
        if (missed !== undefined) throw new Error(`The app does not import ${missed.file}.`);
      });
    },
  };
}
