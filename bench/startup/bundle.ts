import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { CONVEX_OPTIONS } from "../../tests/package/bundle";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** An app as one script, which puts its exports into the variable `app`. */
export interface AppBundle {
  code: string;
  /** Bytes of each file of the library and of its imports in the script, without the app's and Convex's files. */
  libraryBytes: Record<string, number>;
}

/**
 * Bundles an app as the Convex CLI does, but fully minified: the line breaks and function names that the CLI keeps for
 * stack traces do not count as the library's.
 *
 * @param entry - A file of this folder.
 */
export async function bundleApp(entry: string): Promise<AppBundle> {
  const { outputFiles, metafile } = await build({
    ...CONVEX_OPTIONS,
    minifyWhitespace: true,
    keepNames: false,
    entryPoints: [fileURLToPath(new URL(entry, import.meta.url))],
    absWorkingDir: ROOT,
    format: "iife",
    globalName: "app",
    outfile: "app.js",
    write: false,
    metafile: true,
    logLevel: "silent",
  });
  const inputs = Object.values(metafile.outputs).flatMap((output) => Object.entries(output.inputs));
  const library = inputs.filter(([path]) => !/^bench\/|(^|\/)node_modules\/convex\//.test(path));
  return {
    code: outputFiles.map(({ text }) => text).join("\n"),
    libraryBytes: Object.fromEntries(library.map(([path, { bytesInOutput }]) => [path, bytesInOutput])),
  };
}
