import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { build, type Loader, type Plugin } from "esbuild";
import { compile, compileModule } from "svelte/compiler";
import { compileScript, parse } from "vue/compiler-sfc";
import { ROOT } from "../../package/pack";

/** The files of an app by their paths in it, such as `src/App.svelte`. */
export type Files = ReadonlyMap<string, string>;

const API = "convex/_generated/api";
const API_MODULE = 'export { anyApi as api } from "convex/server";';

/**
 * Bundles an app for a browser, as its own bundler would. Imports of this package resolve to `src`.
 *
 * @param entry - The code of a module at the root of the app.
 * @param url - The URL of the deployment.
 */
export async function bundleApp(entry: string, files: Files, url: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: ["./entry.tsx"],
    bundle: true,
    write: false,
    format: "esm",
    platform: "browser",
    conditions: ["svelte", "browser"],
    jsx: "automatic",
    alias: { "convex-lazy-views/client": "./src/client/index.ts", "convex-lazy-views/react": "./src/react/index.ts" },
    absWorkingDir: ROOT,
    define: {
      "import.meta.env.VITE_CONVEX_URL": JSON.stringify(url),
      "process.env.NODE_ENV": '"development"',
      __VUE_OPTIONS_API__: "false",
      __VUE_PROD_DEVTOOLS__: "false",
      __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: "false",
    },
    plugins: [appFiles(new Map([...files, ["entry.tsx", entry], [`${API}.ts`, API_MODULE]])), svelteModules],
    logLevel: "silent",
  });
  const [bundle] = outputFiles;
  if (bundle === undefined) throw new Error("The bundler wrote nothing.");
  return bundle.text;
}

/** Resolves the files of the app, which are in memory only. Packages come from this repository. */
function appFiles(files: Files): Plugin {
  return {
    name: "app",
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /^\.\.?\// }, ({ path, importer, namespace, kind }) => {
        if (namespace !== "app" && kind !== "entry-point") return undefined;
        const wanted = join(dirname(importer), path);
        const found = ["", ".ts", ".tsx"].map((ending) => wanted + ending).find((each) => files.has(each));
        if (found === undefined) return { errors: [{ text: `The app has no ${wanted}` }] };
        return { path: found, namespace: "app" };
      });
      onLoad({ filter: /./, namespace: "app" }, ({ path }) => ({
        ...toCode(path, files.get(path) ?? ""),
        resolveDir: ROOT,
      }));
    },
  };
}

function toCode(path: string, text: string): { contents: string; loader: Loader } {
  if (path.endsWith(".svelte")) {
    return { contents: compile(text, { filename: path, generate: "client", css: "injected" }).js.code, loader: "js" };
  }
  if (path.endsWith(".vue")) {
    const { descriptor } = parse(text, { filename: path });
    return { contents: compileScript(descriptor, { id: path, inlineTemplate: true }).content, loader: "ts" };
  }
  return { contents: text, loader: path.endsWith("x") ? "tsx" : "ts" };
}

/** Compiles runes in the modules of packages. */
const svelteModules: Plugin = {
  name: "svelte",
  setup({ onLoad }) {
    onLoad({ filter: /\.svelte\.js$/ }, async ({ path }) => {
      const { js } = compileModule(await readFile(path, "utf8"), { filename: path, generate: "client" });
      return { contents: js.code, loader: "js" };
    });
  },
};
