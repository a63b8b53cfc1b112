import { fileURLToPath } from "node:url";
import { compile, type Globals, type Program } from "./engine/program.js";
import type { Schema } from "./engine/store.js";

/** Releases that a history may begin on: their code is in `releases/`, with the simulation's app of their time. */
export const RELEASES = ["0.1", "0.2"] as const;
export type Release = (typeof RELEASES)[number];

/** The code of an app, as far as an upgrade exchanges it. */
type Code = { schema: Schema; deploy(deployment: { release?: Release | undefined }): unknown };

interface OldRelease {
  program: Program;
  schema: Schema;
  /** The names of its indexes that the release after it has not, or has with other fields, and those they get here. */
  renamed: Map<string, string>;
}

/** What modules may look at when they are evaluated. */
const NO_GLOBALS = { process: { env: {} } } as Globals;

let compiled: Promise<Map<Release, OldRelease>> | undefined;

/**
 * A program whose deployments may have the code of an older release. Its schema is the new one, which the documents of
 * the older releases must fit, with the tables and indexes of those beside it.
 */
export async function withOldReleases(current: Program): Promise<Program> {
  const { schema } = current(NO_GLOBALS) as Code;
  compiled ??= compileReleases(schema);
  const releases = await compiled;
  const all = [...releases.values()].reduce(united, schema);
  return (globals) => {
    const code = current(globals) as Code;
    const deploys = new Map<Release, Code["deploy"]>();
    const deployOf = (release: Release) => {
      const { program, renamed } = releases.get(release) as OldRelease;
      const deploy = deploys.get(release) ?? (program(renaming(globals, renamed)) as Code).deploy;
      deploys.set(release, deploy);
      return deploy;
    };
    return {
      ...code,
      schema: all,
      deploy: (deployment: Parameters<Code["deploy"]>[0]) =>
        (deployment.release === undefined ? code.deploy : deployOf(deployment.release))(deployment),
    };
  };
}

async function compileReleases(schema: Schema): Promise<Map<Release, OldRelease>> {
  const releases = RELEASES.map(async (release): Promise<[Release, OldRelease]> => {
    const entry = fileURLToPath(new URL(`releases/${release}.js`, import.meta.url));
    const program = await compile({ entry });
    const old = (program(NO_GLOBALS) as Code).schema;
    const renamed = new Map<string, string>();
    for (const [table, index, fields] of indexesOf(old)) {
      const isKept = indexesOf(schema).some((other) => other.join(" ") === [table, index, fields].join(" "));
      if (!isKept) renamed.set(`${table}.${index}`, `${index}_of_${release.replace(".", "_")}`);
    }
    return [release, { program, schema: old, renamed }];
  });
  return new Map(await Promise.all(releases));
}

function indexesOf({ tables }: Schema): [table: string, index: string, fields: readonly string[]][] {
  return Object.entries(tables).flatMap(([table, definition]) =>
    definition[" indexes"]().map(({ indexDescriptor, fields }): [string, string, string[]] => [
      table,
      indexDescriptor,
      fields,
    ]),
  );
}

/** A schema, with the tables and indexes of an older release that it has not itself. */
function united(schema: Schema, { schema: old, renamed }: OldRelease): Schema {
  const tables = { ...old.tables, ...schema.tables };
  const ownIndexes = indexesOf(old).filter(([table, index]) => renamed.has(`${table}.${index}`));
  for (const table of new Set(ownIndexes.map(([name]) => name))) {
    const indexes = tables[table]?.[" indexes"]() ?? [];
    const added = ownIndexes
      .filter(([name]) => name === table)
      .map(([, index, fields]) => ({ indexDescriptor: renamed.get(`${table}.${index}`) as string, fields }));
    tables[table] = Object.create(tables[table] ?? null, {
      " indexes": { value: () => [...indexes, ...added] },
    });
  }
  return { ...schema, tables } as Schema;
}

/** Globals under which code finds its indexes by the names that they have here. */
function renaming(globals: Globals, renamed: ReadonlyMap<string, string>): Globals {
  const { syscall, asyncSyscall } = globals.Convex as Record<
    "syscall" | "asyncSyscall",
    (...call: string[]) => unknown
  >;
  const renamedIn = (op: string, args: string): string => {
    if (op !== "1.0/queryStream" && op !== "1.0/queryPage") return args;
    const call = JSON.parse(args);
    const { source } = call.query;
    const name = renamed.get(source.indexName);
    if (name === undefined) return args;
    source.indexName = `${source.indexName.split(".")[0]}.${name}`;
    return JSON.stringify(call);
  };
  return {
    ...globals,
    Convex: {
      syscall: (op: string, args: string) => syscall(op, renamedIn(op, args)),
      asyncSyscall: (op: string, args: string) => asyncSyscall(op, renamedIn(op, args)),
    },
  };
}
