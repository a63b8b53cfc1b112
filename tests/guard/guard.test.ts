import { mkdir, mkdtemp, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { basePage, readPages } from "../docs/pages.js";
import { namedFiles, textOf } from "../docs/projects.js";
import { ROOT } from "../package/pack.js";
import { LINTERS } from "./linters.js";

/** Files that import a raw mutation, or export it. */
const RAW = {
  "convex/mutation.ts": 'import { mutation } from "./_generated/server";',
  "convex/internal.ts": 'import { internalMutation } from "./_generated/server";',
  "convex/renamed.ts": 'import { mutation as rawMutation } from "./_generated/server";',
  "convex/besideTypes.ts": 'import { type MutationCtx, mutation, query } from "./_generated/server";',
  "convex/suffix.ts": 'import { mutation } from "./_generated/server.js";',
  "convex/folder/deep.ts": 'import { mutation } from "../_generated/server";',
  "convex/folder/folder/deeper.ts": 'import { mutation } from "../../_generated/server.js";',
  "convex/folder/lazy.ts": 'import { mutation } from "../_generated/server";',
  "convex/alias.ts": 'import { mutation } from "@/convex/_generated/server";',
  "convex/script.js": 'import { mutation } from "./_generated/server.js";',
  "convex/everything.ts": 'import * as server from "./_generated/server";',
  "convex/exported.ts": 'export { mutation } from "./_generated/server";',
  "convex/exportedAs.ts": 'export { mutation as internal } from "./_generated/server";',
  "convex/exportedAll.ts": 'export * from "./_generated/server";',
  "convex/generic.ts": 'import { mutationGeneric } from "convex/server";',
  "convex/internalGeneric.ts": 'import { internalMutationGeneric } from "convex/server";',
  "convex/everythingGeneric.ts": 'import * as server from "convex/server";',
};

/** Files that import none, beside those of the quick start. */
const GUARDED = {
  "convex/types.ts": 'import type { MutationCtx } from "./_generated/server";',
  "convex/typesBesideValues.ts": 'import { type MutationCtx, action, query } from "./_generated/server";',
  "convex/exportedTypes.ts": 'export type { MutationCtx } from "./_generated/server";',
  "convex/wired.ts": 'import { internalMutation, mutation } from "./lazy";',
  "convex/folder/wired.ts": 'import { mutation } from "../lazy.js";',
  "convex/crons.ts": 'import { cronJobs } from "convex/server";',
  "convex/_generated/server.js": 'export { mutationGeneric as mutation } from "convex/server";',
};

let project: string;

beforeAll(async () => {
  project = await mkdtemp(join(await realpath(tmpdir()), "convex-lazy-views-guard-"));
  const { files: shown } = namedFiles(basePage(readPages()));
  const quickStart = [...shown].map(([path, file]) => [path, textOf(file)] as const);
  expect(quickStart).toContainEqual(["convex/lazy.ts", expect.stringContaining("mutation as rawMutation")]);
  const page = await readFile(join(ROOT, "docs/guides/lint-rule.md"), "utf8");
  const configs = Object.keys(LINTERS).map((file) => [file, firstBlockAfter(`\`${file}\``, page)] as const);
  const files = [...Object.entries({ ...RAW, ...GUARDED, "package.json": '{ "type": "module" }' }), ...quickStart];
  for (const [path, code] of [...files, ...configs]) {
    await mkdir(dirname(join(project, path)), { recursive: true });
    await writeFile(join(project, path), code);
  }
});

afterAll(async () => {
  await rm(project, { recursive: true, force: true });
});

function firstBlockAfter(text: string, page: string): string {
  const [, block] = /```\w+\n([\s\S]*?)```/.exec(page.split(text)[1] ?? "") ?? [];
  if (block === undefined) throw new Error(`docs/guides/lint-rule.md has no code block after ${text}`);
  return block;
}

test.each(Object.entries(LINTERS))("%s of docs/guides/lint-rule.md keeps raw mutations out", async (_, lint) => {
  const reports = await lint(project);
  const message = expect.stringContaining("A raw mutation marks no row as out of date: use the one of convex/lazy.ts.");
  const inOrder = reports.sort((a, b) => a.file.localeCompare(b.file));
  const expected = Object.keys(RAW).sort((a, b) => a.localeCompare(b));
  expect(inOrder).toEqual(expected.map((file) => ({ file, message })));
});
