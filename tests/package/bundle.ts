import { readdir } from "node:fs/promises";
import { join, relative } from "node:path";
import { type BuildOptions, type BuildResult, build } from "esbuild";

/** The options of the Convex CLI for Convex's own runtime: `innerEsbuild` in the bundler of the package `convex`. */
export const CONVEX_OPTIONS = {
  bundle: true,
  platform: "browser",
  target: "esnext",
  jsx: "automatic",
  conditions: ["convex", "module"],
  treeShaking: true,
  minifySyntax: true,
  minifyIdentifiers: true,
  minifyWhitespace: false,
  keepNames: true,
  define: { "process.env.NODE_ENV": '"production"' },
} satisfies BuildOptions;

/** A bundled app: its modules by their paths, such as `dashboard.js` and `_deps/ABC.js`. */
export interface Bundle {
  modules: Record<string, string>;
  /** The files that were bundled. */
  inputs: string[];
  /** The bundled files of which some code is left. */
  used: string[];
  /** Imports that were not bundled. */
  externals: string[];
  warnings: string[];
}

/** Bundles the functions of an app as the Convex CLI does: one entry a module, without `schema.ts`. */
export async function bundleFunctions(consumer: string): Promise<Bundle> {
  const convex = join(consumer, "convex");
  const modules = (await readdir(convex)).filter((name) => /^[^.]+\.ts$/.test(name));
  const entries = modules.filter((name) => name !== "schema.ts");
  return await bundleAsConvex(consumer, entries);
}

/** Bundles the schema of an app, as the CLI does, apart from the functions. */
export async function bundleSchema(consumer: string): Promise<Bundle> {
  return await bundleAsConvex(consumer, ["schema.ts"]);
}

async function bundleAsConvex(consumer: string, entries: string[]): Promise<Bundle> {
  const convex = join(consumer, "convex");
  const out = join(consumer, "out");
  const result = await build({
    ...CONVEX_OPTIONS,
    entryPoints: entries.map((name) => join(convex, name)),
    absWorkingDir: consumer,
    format: "esm",
    outdir: out,
    outbase: convex,
    write: false,
    splitting: true,
    chunkNames: "_deps/[hash]",
    metafile: true,
    logLevel: "silent",
  });
  return describe(result, out);
}

/** Bundles one entry point of the package for a browser, as an app's bundler would, without React. */
export async function bundleForBrowser(consumer: string, entry: string): Promise<Bundle> {
  const out = join(consumer, "out");
  const result = await build({
    stdin: { contents: `export * from "${entry}";`, resolveDir: consumer },
    absWorkingDir: consumer,
    bundle: true,
    platform: "browser",
    format: "esm",
    outfile: join(out, "page.js"),
    external: ["react"],
    write: false,
    metafile: true,
    logLevel: "silent",
  });
  return describe(result, out);
}

type Built = BuildResult<{ write: false; metafile: true }>;

function describe({ outputFiles, metafile, warnings }: Built, out: string): Bundle {
  const imports = Object.values(metafile.outputs).flatMap((output) => output.imports);
  return {
    modules: Object.fromEntries(outputFiles.map(({ path, text }) => [relative(out, path), text])),
    inputs: Object.keys(metafile.inputs),
    used: Object.values(metafile.outputs).flatMap((output) =>
      Object.entries(output.inputs).flatMap(([path, { bytesInOutput }]) => (bytesInOutput > 0 ? [path] : [])),
    ),
    externals: imports.filter(({ external }) => external).map(({ path }) => path),
    warnings: warnings.map(({ text }) => text),
  };
}
