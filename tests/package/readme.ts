import { cp, mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ROOT } from "./pack.js";

/** The TypeScript blocks of the README that begin with the name of a file in `convex/`. */
export async function readmeFiles(): Promise<Map<string, string>> {
  const readme = await readFile(join(ROOT, "README.md"), "utf8");
  const blocks = readme.matchAll(/```ts\n\/\/ convex\/(\w+\.ts)\n([\s\S]*?)```/g);
  return new Map([...blocks].map(([, name = "", code = ""]) => [name, code]));
}

/**
 * Sets up a project of nothing but the README's quick start, beside the consumer whose packages it uses.
 *
 * @returns Its folder, with a `tsconfig.json`.
 */
export async function installQuickStart(temp: string, consumer: string): Promise<string> {
  const project = join(temp, "quickStart");
  const convex = join(project, "convex");
  await mkdir(convex, { recursive: true });
  await symlink(join(consumer, "node_modules"), join(project, "node_modules"));
  await cp(join(ROOT, "examples/convex/_generated"), join(convex, "_generated"), {
    recursive: true,
  });
  const files = await readmeFiles();
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
