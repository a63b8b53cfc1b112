import { posix } from "node:path";
import {
  type AnyNode,
  callOf,
  type Expression,
  importedFrom,
  keyOf,
  objectOf,
  parseSource,
  propertyOf,
  type Source,
  TYPESCRIPT,
  textOf,
  unwrap,
  walk,
} from "./syntax.js";

/* What the code in an app's functions folder declares. */

export const PACKAGE = "convex-lazy-views";

/** A view that the app declares with `defineView`. */
export interface FoundView {
  /** The name of its table. */
  name: string;
  /** The file that declares it, its name there, and the name by which the file exports it, if it does. */
  source: Source;
  local: string;
  exported: string | undefined;
  /**
   * The identity of its `viewTable`, if that has a name; and the file and the name by which it is exported, if it is.
   */
  tableId: string | undefined;
  table: { file: string; name: string } | undefined;
  /** Whether it is computed in an action. */
  isAction: boolean;
}

/** The module with `new LazyViews({ … })`. */
export interface FoundLazy {
  source: Source;
  /** Its name in that module, and the name by which the module exports it, if it does. */
  local: string;
  exported: string | undefined;
}

/** The source files in an app's functions folder. */
export class Project {
  readonly sources = new Map<string, Source>();
  /** Files that could not be parsed, with the parser's message. */
  readonly unreadable = new Map<string, string>();

  constructor(readonly files: ReadonlyMap<string, string>) {
    for (const [file, text] of files) {
      try {
        this.sources.set(file, parseSource(file, text));
      } catch (error) {
        this.unreadable.set(file, error instanceof Error ? error.message : String(error));
      }
    }
  }

  /** The file of a module in the functions folder, such as `http`, with any ending. */
  fileOf(module: string): string | undefined {
    return [...this.files.keys()].find((file) => stemOf(file) === module);
  }

  /** The source file that an import names; undefined for packages, and for files outside of the functions folder. */
  resolve(from: Source, specifier: string): Source | undefined {
    const stem = stemOf(specifier);
    const isRelative = specifier.startsWith(".");
    const path = isRelative ? posix.join(posix.dirname(from.file), stem) : stem;
    const matches = [...this.sources.values()].filter(({ file }) => {
      const own = stemOf(file);
      // An alias of a path ends with the path, as "@/convex/airportStats" does.
      return isRelative ? own === path || own === posix.join(path, "index") : path.endsWith(`/${own}`);
    });
    return matches.length === 1 || isRelative ? matches[0] : undefined;
  }

  /** Where a name in a module is declared: `file#name`, with the name that it has there. */
  identity(source: Source, local: string): string {
    const imported = source.imports.get(local);
    return imported ? this.origin(source, imported.from, imported.name) : `${source.file}#${local}`;
  }

  private origin(source: Source, from: string, name: string, seen = new Set<Source>()): string {
    const target = this.resolve(source, from);
    const unknown = `${from}#${name}`;
    if (target === undefined || seen.has(target)) return unknown;
    seen.add(target);
    const exported = target.exports.get(name);
    if (typeof exported === "string") return this.identity(target, exported);
    if (exported) return this.origin(target, exported.from, exported.name, seen);
    for (const star of target.stars) {
      const found = this.origin(target, star, name, seen);
      if (found !== `${star}#${name}`) return found;
    }
    return unknown;
  }

  views(): FoundView[] {
    return [...this.sources.values()].flatMap((source) =>
      [...source.constants].flatMap(([local, value]) => {
        const call = callOf(source, PACKAGE, "defineView", value);
        const name = textOf(call?.arguments[0] as Expression | undefined);
        if (call === undefined || name === undefined) return [];
        const options = objectOf(source, call.arguments[1]);
        const table = propertyOf(options, "table");
        const tableId = table?.type === "Identifier" ? this.identity(source, table.name) : undefined;
        const view: FoundView = {
          name,
          source,
          local,
          exported: exportedName(source, local),
          tableId,
          table: tableId === undefined ? undefined : this.exportOf(tableId),
          isAction: textOf(propertyOf(options, "mode")) === "action",
        };
        return [view];
      }),
    );
  }

  /** The name by which something with this identity is exported, and its file. */
  private exportOf(identity: string): { file: string; name: string } | undefined {
    const [file = "", local = ""] = identity.split("#");
    const source = this.sources.get(file);
    const name = source && exportedName(source, local);
    return name === undefined ? undefined : { file, name };
  }

  lazy(): FoundLazy | undefined {
    for (const source of this.sources.values()) {
      for (const [local, value] of source.constants) {
        if (callOf(source, PACKAGE, "LazyViews", value)) {
          return { source, local, exported: exportedName(source, local) };
        }
      }
    }
    return undefined;
  }

  /**
   * The first file with an object that has a certain property or spread.
   *
   * @param test - Gets each property and each spread, and the identity of the name with which its value begins.
   */
  fileWith(test: (node: AnyNode, source: Source, identity: string) => boolean): string | undefined {
    for (const source of this.sources.values()) {
      let isFound = false;
      walk(source.body, (node) => {
        const value = node.type === "SpreadElement" ? node.argument : node.type === "ObjectProperty" && node.value;
        if (value && !isFound) isFound = test(node, source, this.rootOf(source, value));
      });
      if (isFound) return source.file;
    }
    return undefined;
  }

  /** The identity of the name with which a value begins: of `table` in `table.index(…)`. */
  private rootOf(source: Source, value: unknown): string {
    const node = unwrap(value as Expression) as AnyNode;
    if (node.type === "Identifier") return this.identity(source, String(node.name));
    if (node.type === "CallExpression") return this.rootOf(source, node.callee);
    return node.type === "MemberExpression" ? this.rootOf(source, node.object) : "";
  }

  /** The file whose object has `...lazyTables`. */
  fileWithLazyTables(): string | undefined {
    return this.fileWith(
      ({ type, argument }, source) =>
        type === "SpreadElement" && importedFrom(source, PACKAGE, unwrap(argument as Expression)) === "lazyTables",
    );
  }

  /** The file with an object that has the view's table under the view's name. */
  fileWithTable({ name, tableId }: FoundView): string | undefined {
    return this.fileWith((node, _, root) => node.type === "ObjectProperty" && keyOf(node) === name && root === tableId);
  }

  /** Whether new files must be TypeScript: if the app has a TypeScript file, or no file yet. */
  isTypeScript(): boolean {
    const files = [...this.files.keys()];
    return files.length === 0 || files.some((file) => TYPESCRIPT.test(file));
  }
}

function exportedName({ exports }: Source, local: string): string | undefined {
  const found = [...exports].find(([, target]) => target === local);
  return found?.[0];
}

/** A path without the ending of a source file. */
export function stemOf(path: string): string {
  return path.replace(/\.[cm]?[jt]sx?$/, "");
}
