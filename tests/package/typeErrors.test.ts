import { mkdtemp, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ROOT } from "./pack.js";
import { runNode } from "./run.js";
import { MISTAKES, type Mistake, PREAMBLE } from "./typeMistakes.js";

/** The oldest and the newest supported TypeScript. Those between report the same as one of the two. */
const OLDEST = "typescript-5.4";
const NEWEST = "typescript";

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(await realpath(tmpdir()), "convex-lazy-views-types-"));
  await symlink(join(ROOT, "node_modules"), join(folder, "node_modules"));
  await symlink(join(ROOT, "tests/package/consumer/convex"), join(folder, "convex"));
  for (const [i, { code }] of MISTAKES.entries()) {
    await writeFile(join(folder, `mistake${i}.ts`), `${PREAMBLE}${code.replaceAll(/[«»]/g, "")}`);
  }
  // Uses the package's declarations: the sources use types that the oldest TypeScript does not know.
  const declarations = ["--outDir", join(folder, "dist"), "--emitDeclarationOnly", "--declarationMap", "false"];
  const tsc = join(ROOT, "node_modules/typescript/bin/tsc");
  const built = await runNode([tsc, "-p", join(ROOT, "tsconfig.build.json"), ...declarations], { cwd: ROOT });
  expect(built.stdout).toBe("");
  const options = {
    extends: join(ROOT, "tests/package/consumer/tsconfig.json"),
    compilerOptions: {
      skipLibCheck: true,
      preserveSymlinks: true,
      noUnusedLocals: false,
      noUnusedParameters: false,
      paths: { "convex-lazy-views": ["./dist/index.d.ts"] },
    },
    include: ["*.ts"],
  };
  await writeFile(join(folder, "tsconfig.json"), JSON.stringify(options));
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

/** The errors of each file, each with its place in the code of the mistake. */
async function compile(compiler: string, ...flags: string[]) {
  const tsc = join(ROOT, "node_modules", compiler, "bin/tsc");
  const { stdout } = await runNode([tsc, "-p", "tsconfig.json", "--pretty", "false", ...flags], { cwd: folder });
  const errors = MISTAKES.map((): { place: string; text: string }[] => []);
  for (const report of stdout.split(/^(?=\S)/m)) {
    const [, file, line, column, text] = /^mistake(\d+)\.ts\((\d+),(\d+)\): error (.*)/s.exec(report) ?? [];
    const found = errors[Number(file)];
    if (found === undefined || text === undefined) throw new Error(`${compiler} reports: ${report}`);
    found.push({ place: `${Number(line) - PREAMBLE.split("\n").length + 1}:${column}`, text });
  }
  return errors;
}

/** The line and column of the marked code. */
function placeOf({ code }: Pick<Mistake, "code">): string {
  const lines = code.slice(0, code.indexOf("«")).split("\n");
  return `${lines.length}:${(lines.at(-1)?.length ?? 0) + 1}`;
}

describe("each mistake is reported once, where it is", () => {
  test.each([
    [OLDEST, true],
    [NEWEST, true],
    [NEWEST, false],
  ])("by %s, with exactOptionalPropertyTypes: %s", async (compiler, isExact) => {
    const errors = await compile(compiler, "--exactOptionalPropertyTypes", String(isExact));
    for (const [i, mistake] of MISTAKES.entries()) {
      const { code, text } = (compiler === OLDEST && mistake.oldest) || mistake;
      const expected = { place: placeOf({ code }), text: expect.stringMatching(text) };
      expect.soft(errors[i], code).toEqual(isExact || !mistake.isExact ? [expected] : []);
    }
  });
});
