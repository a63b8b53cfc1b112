import { cp, mkdir, mkdtemp, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ROOT } from "./pack.js";

/** The files of the quick start in docs/start.md, by their names in `convex/`. */
export async function quickStartFiles(): Promise<Map<string, string>> {
  const page = await readFile(join(ROOT, "docs/start.md"), "utf8");
  const blocks = page.matchAll(/```ts\n\/\/ convex\/(\w+\.ts)\n([\s\S]*?)```/g);
  return new Map([...blocks].map(([, name = "", code = ""]) => [name, code]));
}

/**
 * Sets up a project of nothing but the quick start, beside the consumer whose packages it uses.
 *
 * @returns Its folder, with a `tsconfig.json`.
 */
export async function installQuickStart(temp: string, consumer: string): Promise<string> {
  const project = await mkdtemp(join(temp, "quickStart-"));
  const convex = join(project, "convex");
  await mkdir(convex, { recursive: true });
  await symlink(join(consumer, "node_modules"), join(project, "node_modules"));
  await cp(join(ROOT, "examples/convex/_generated"), join(convex, "_generated"), {
    recursive: true,
  });
  const files = await quickStartFiles();
  for (const [name, code] of files) await writeFile(join(convex, name), code);
  const modules = [...files.keys()].filter((name) => name !== "schema.ts");
  await writeFile(join(convex, "_generated/api.d.ts"), apiOf(modules));
  await cp(join(consumer, "tsconfig.json"), join(project, "tsconfig.json"));
  return project;
}

/** `api.d.ts`, as the Convex CLI writes it for these modules. */
function apiOf(modules: string[]): string {
  const names = modules.map((file) => file.replace(/\.ts$/, ""));
  return [
    'import type { ApiFromModules, FilterApi, FunctionReference } from "convex/server";',
    ...names.map((name) => `import type * as ${name} from "../${name}.js";`),
    `declare const fullApi: ApiFromModules<{ ${names.map((name) => `${name}: typeof ${name};`).join(" ")} }>;`,
    'export declare const api: FilterApi<typeof fullApi, FunctionReference<any, "public">>;',
    'export declare const internal: FilterApi<typeof fullApi, FunctionReference<any, "internal">>;',
  ].join("\n");
}
