import { fileURLToPath } from "node:url";
import { compile, type Edit, type Program } from "./engine/program.js";
import { withOldReleases } from "./upgrade.js";

const entry = fileURLToPath(new URL("app.ts", import.meta.url));

/** Bounds of the library that the environment can lower, so that histories with few documents reach them. */
const BOUNDS: readonly [file: string, find: string, few: number][] = [
  ["store", "rows.length < MAX_ROWS", 1],
  ["store", "found.shared.size > MAX_SHARED", 1],
  ["recorder", "found.size <= MAX_IN_TABLE", 2],
  ["recorder", "if (found.size > MAX_IN_TABLE", 2],
];
const CROWDED: readonly Edit[] = BOUNDS.map(([file, find, few]) => ({
  file: `src/tracking/${file}.ts`,
  find,
  replace: find.replace(/MAX_\w+/, (bound) => `(process.env.CROWDED ? ${few} : ${bound})`),
}));

/** Constants of the tail that a deployment's environment can change: when it hands over, and the log's size. */
const TAILS: readonly Edit[] = [
  {
    file: "src/app/readLog.ts",
    find: "Date.now() + MAX_TAIL_MS",
    replace: "Date.now() + Number(process.env.HASTY_MS ?? MAX_TAIL_MS)",
  },
  {
    file: "src/app/tail.ts",
    find: "entries >= LOG_SIZE",
    replace: "entries >= Number(process.env.LOG_ENTRIES ?? LOG_SIZE)",
  },
];

/** Compiles the simulation's own app, with bugs planted in the library; deployments may have older releases of it. */
export async function compileApp(edits: readonly Edit[] = []): Promise<Program> {
  return await withOldReleases(await compile({ entry, edits: [...CROWDED, ...TAILS, ...edits] }));
}
