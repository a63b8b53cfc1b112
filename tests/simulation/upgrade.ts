import { fileURLToPath } from "node:url";
import { compile, type Globals, type Program } from "./engine/program.js";
import type { Schema } from "./engine/store.js";

/** Releases that a history may begin on. `releases/` has their code, with the simulation's app of that time. */
export const RELEASES = ["0.1", "0.2"] as const;
export type Release = (typeof RELEASES)[number];

/** The parts of an app's code that an upgrade replaces. */
type Code = { schema: Schema; deploy(deployment: { release?: Release | undefined }): unknown };

interface OldRelease {
  program: Program;
  schema: Schema;
  /** Its indexes that the next release does not have, or has with other fields: name → their name here. */
  renamed: Map<string, string>;
}

/** The globals that modules see when they are evaluated. */
const NO_GLOBALS = { process: { env: {} } } as Globals;

let compiled: Promise<Map<Release, OldRelease>> | undefined;

/**
 * A program whose deployments may have the code of an older release. Its schema is the current one, which the documents
 * of older releases must fit, plus the tables and indexes that only older releases have.
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

/** A schema, plus the tables and indexes that only an older release has. */
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

/** Globals that translate the code's index names to the names that the indexes have here. */
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
