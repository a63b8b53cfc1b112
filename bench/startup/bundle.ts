import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { CONVEX_OPTIONS } from "../../tests/package/bundle";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** An app as one script, whose variable `app` has its exports. */
export interface AppBundle {
  code: string;
  /** Bytes in the script of each file of the library, and of what it imports; neither of the app's nor of Convex's. */
  libraryBytes: Record<string, number>;
}

/**
 * Bundles an app as the Convex CLI does, but minified to the end: neither line breaks nor the names of functions, which
 * the CLI keeps for its stack traces, are the library's.
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
