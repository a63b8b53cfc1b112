import { mkdir, mkdtemp, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { runNode, succeeded } from "../package/run";
import { readPages } from "./pages";

/** Imports of an app before and after the guide's script. Files without a second text stay unchanged. */
const FILES: Record<string, [before: string, after?: string]> = {
  "convex/flights.ts": ['import { mutation } from "./_generated/server";\n', 'import { mutation } from "./lazy";\n'],
  "convex/mixed.ts": [
    'import { type QueryCtx, action, internalMutation as raw, query } from "./_generated/server";\n',
    [
      'import { type QueryCtx, action } from "./_generated/server";',
      'import { internalMutation as raw, query } from "./lazy";\n',
    ].join("\n"),
  ],
  "convex/deep/lines.js": [
    "import {\n  mutation,\n  internalQuery,\n} from '../_generated/server.js'\n",
    "import { mutation, internalQuery } from '../lazy.js'\n",
  ],
  "convex/component/posts.ts": ['import { mutation } from "./_generated/server";\n'],
  "convex/types.ts": ['import type { MutationCtx } from "./_generated/server";\n'],
  "convex/actions.ts": ['import { action, internalAction } from "./_generated/server";\n'],
  "convex/other.ts": ['import { mutation } from "./builders";\n'],
  "convex/lazy.ts": ['import { mutation as rawMutation } from "./_generated/server";\n'],
  "convex/_generated/server.js": ['export { mutationGeneric as mutation } from "convex/server";\n'],
};

test("the guide's script moves the imports of builders, and changes nothing else", async () => {
  const guide = readPages().find(({ name }) => name === "docs/guides/existing-app.md");
  const script = guide?.blocks.find(({ path }) => path === "scripts/use-lazy-builders.mjs");
  const app = await mkdtemp(join(await realpath(tmpdir()), "convex-lazy-views-guide-"));
  try {
    const texts = Object.entries(FILES).map(([path, [before]]): [string, string] => [path, before]);
    for (const [path, text] of [...texts, ["script.mjs", script?.lines.map(({ text }) => text).join("\n") ?? ""]]) {
      await mkdir(dirname(join(app, path ?? "")), { recursive: true });
      await writeFile(join(app, path ?? ""), text ?? "");
    }
    // A second run changes nothing.
    for (let run = 0; run < 2; run++) succeeded(await runNode(["script.mjs"], { cwd: app }));
    const found = texts.map(async ([path]) => [path, await readFile(join(app, path), "utf8")]);
    const expected = Object.entries(FILES).map(([path, [before, after = before]]) => [path, after]);
    expect(Object.fromEntries(await Promise.all(found))).toEqual(Object.fromEntries(expected));
  } finally {
    await rm(app, { recursive: true, force: true });
  }
});
