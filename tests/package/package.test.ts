import { mkdtemp, readFile, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, posix } from "node:path";
import { publint } from "publint";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bundleForBrowser, bundleFunctions, bundleSchema } from "./bundle.js";
import { installConsumer } from "./consumer.js";
import { npx, startConsumer } from "./deployment.js";
import type { IsolateInput, IsolateReport } from "./isolate.js";
import { filesBelow, packAndUnpack, ROOT } from "./pack.js";
import { installQuickStart } from "./quickStart.js";
import { run, runNode, succeeded } from "./run.js";

let temp: string;
/** The project that has the package installed. */
let consumer: string;
/** The folder of the package in that project. */
let installed: string;
let packed: string[];
let tarball: string;

beforeAll(async () => {
  temp = await mkdtemp(join(await realpath(tmpdir()), "convex-lazy-views-"));
  const { unpacked, ...pack } = await packAndUnpack(temp);
  tarball = pack.tarball;
  consumer = await installConsumer(temp, unpacked);
  installed = join(consumer, "node_modules", "convex-lazy-views");
  packed = await filesBelow(installed);
});

afterAll(async () => {
  await rm(temp, { recursive: true, force: true });
});

const read = async (path: string) => await readFile(join(installed, path), "utf8");

describe("the tarball", () => {
  test("has the files that describe the package", () => {
    const atRoot = packed.filter((path) => !path.includes("/"));
    expect(atRoot).toEqual(["CHANGELOG.md", "LICENSE", "README.md", "package.json"]);
  });

  test("has each source with the files built from it, and nothing else", async () => {
    const sources = (await filesBelow(join(ROOT, "src"))).filter((path) => !/\.test\.tsx?$/.test(path));
    const built = sources.flatMap((path) => {
      const stem = `dist/${path.replace(/\.tsx?$/, "")}`;
      return [".js", ".js.map", ".d.ts", ".d.ts.map"].map((ending) => stem + ending);
    });
    const folders = packed.filter((path) => path.includes("/"));
    expect(folders).toEqual([...sources.map((path) => `src/${path}`), ...built].sort());
  });

  test("has source maps whose sources are in it", async () => {
    const maps = packed.filter((path) => path.endsWith(".map"));
    expect(maps.length).toBeGreaterThan(0);
    for (const path of maps) {
      const { sources } = JSON.parse(await read(path)) as { sources: string[] };
      const found = sources.map((source) => posix.join(posix.dirname(path), source));
      expect(found, path).toEqual([expect.stringMatching(/^src\//)]);
      expect(packed).toEqual(expect.arrayContaining(found));
    }
  });

  test("has every file that its exports name", async () => {
    const { exports } = JSON.parse(await read("package.json")) as {
      exports: Record<string, string | Record<string, string>>;
    };
    const targets = Object.values(exports).flatMap((entry) =>
      typeof entry === "string" ? [entry] : Object.values(entry),
    );
    expect(packed).toEqual(expect.arrayContaining(targets.map((path) => posix.normalize(path))));
  });

  test("names no folder of the machine that packed it", async () => {
    for (const path of packed) {
      const content = await read(path);
      expect(content.includes(temp) || content.includes(ROOT), path).toBe(false);
    }
  });
});

describe("to be published", () => {
  test("npm has nothing to correct", async () => {
    const args = ["publish", "--dry-run", "--ignore-scripts", "--offline"];
    const { stderr } = succeeded(await run("npm", args, { cwd: installed }));
    const warnings = stderr.split("\n").filter((line) => /^npm (warn|error)/.test(line));
    expect(warnings.filter((line) => !line.includes("requires you to be logged in"))).toEqual([]);
    expect(stderr).toContain("Tarball Details");
  });

  test("publint finds nothing", async () => {
    const { messages } = await publint({ pkgDir: installed, pack: false, strict: true });
    expect(messages).toEqual([]);
  });

  test("the types are right for each module resolution that knows ES modules", async () => {
    const attw = join(ROOT, "node_modules/@arethetypeswrong/cli/dist/index.js");
    const { stdout } = succeeded(await runNode([attw, tarball, "--profile", "esm-only"], { cwd: temp }));
    expect(stdout).toContain("convex-lazy-views/test");
  });
});

describe("the types", () => {
  /** The oldest supported TypeScript, the last one written in JavaScript, and the newest. */
  const compilers = ["typescript-5.4", "../docs/node_modules/typescript", "typescript"];
  const compile = async (project: string, cwd = consumer, compiler = "typescript", ...flags: string[]) =>
    await runNode([join(ROOT, "node_modules", compiler, "bin/tsc"), "-p", project, ...flags], { cwd });

  test.each([
    ["typescript", true],
    ["typescript", false],
    ["../docs/node_modules/typescript", true],
    ["typescript-5.4", true],
    ["typescript-5.4", false],
  ])("fit a strict app, and infer what they should: %s, exactOptionalPropertyTypes %s", async (compiler, isExact) => {
    const flags = ["--exactOptionalPropertyTypes", String(isExact)];
    const { stdout, code } = await compile("tsconfig.json", consumer, compiler, ...flags);
    expect(stdout).toBe("");
    expect(code).toBe(0);
  });

  test.each(compilers.flatMap((compiler) => ["Node16", "NodeNext"].map((module) => [compiler, module] as const)))(
    "are found by %s with the module resolution %s",
    async (compiler, module) => {
      const flags = ["--module", module, "--moduleResolution", module];
      const { stdout, code } = await compile("tsconfig.node.json", consumer, compiler, ...flags);
      expect(stdout).toBe("");
      expect(code).toBe(0);
    },
  );

  test("contain no any", async () => {
    const declarations = packed.filter((path) => path.endsWith(".d.ts") && path.startsWith("dist"));
    expect(declarations.length).toBeGreaterThan(0);
    for (const path of declarations) {
      const code = (await read(path)).replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*|"\w*"/g, "");
      expect(code.match(/.*\bany\b.*/g), path).toBeNull();
    }
  });
});

describe("bundled as Convex does", () => {
  const isolate = async (input: IsolateInput) => {
    const program = join(ROOT, "tests/package/isolate.ts");
    const flags = ["--experimental-vm-modules", "--no-warnings", "--import", "tsx"];
    const options = { cwd: ROOT, input: JSON.stringify(input) };
    const { stdout } = succeeded(await runNode([...flags, program], options));
    return JSON.parse(stdout) as IsolateReport;
  };

  test("the functions need nothing of Node, and loading them does nothing", async () => {
    const { modules, inputs, externals, warnings } = await bundleFunctions(consumer);
    expect({ externals, warnings }).toEqual({ externals: [], warnings: [] });
    expect(inputs).toContain("node_modules/convex-lazy-views/dist/index.js");
    const { exports, atLoad } = await isolate({ modules });
    expect(atLoad).toEqual([]);
    expect(exports).toMatchObject({
      "http.js": ["default"],
      "lazy.js": expect.arrayContaining(["recompute", "dispatch", "sweep", "inspect"]),
    });
  });

  test.each(["the quick start", "the examples"])("the schema of %s has no code that computes", async (app) => {
    const isQuickStart = app === "the quick start";
    const project = isQuickStart ? await installQuickStart(temp, consumer) : join(ROOT, "examples");
    const { used } = await bundleSchema(project);
    expect(used).toContainEqual(expect.stringMatching(/\/views\/viewTable\.(js|ts)$/));
    expect(used.filter((path) => /\/(defineView|predicates|zod|aggregate)\b/.test(path))).toEqual([]);
  });

  test("the schema loads, with the indexes of the app", async () => {
    const { modules, externals } = await bundleSchema(consumer);
    expect(externals).toEqual([]);
    const { exports, atLoad } = await isolate({ modules });
    expect(exports).toEqual({ "schema.js": ["default"] });
    expect(atLoad).toEqual([]);
  });

  test("a query raises its effect with the globals of the web alone", async () => {
    const { modules } = await bundleFunctions(consumer);
    const env = { LAZY_VIEWS_SECRET: "0123456789abcdef0123456789abcdef" };
    const { query } = await isolate({
      modules,
      query: { module: "dashboard.js", name: "stats", args: { airport: "SFO" }, env },
    });
    expect(query).toEqual({
      result: null,
      console: [{ level: "debug", args: [expect.stringMatching(/^lazy-views:2:\S+$/)] }],
    });
  });

  test("no code for the server uses globals that Convex's runtime lacks", async () => {
    const lacking = /\b(setTimeout|setInterval|setImmediate|Buffer|require|__dirname)\b|["']node:/;
    for (const path of packed.filter((name) => /^dist\/(?!client|react|nextjs|cli).*\.js$/.test(name))) {
      const found = [...(await read(path)).matchAll(new RegExp(lacking, "g"))].map(([text]) => text);
      // This code runs in actions only, which have timers.
      const allowed = path === "dist/app/readLog.js" ? ["setTimeout"] : [];
      expect(
        found.filter((text) => !allowed.includes(text)),
        path,
      ).toEqual([]);
    }
  });
});

describe("bundled for a browser", () => {
  test.each(["client", "react"])("%s has no code of the server", async (entry) => {
    const { modules, inputs, warnings } = await bundleForBrowser(consumer, `convex-lazy-views/${entry}`);
    expect(warnings).toEqual([]);
    const library = "node_modules/convex-lazy-views/dist/";
    const foreign = inputs
      .filter((path) => path.startsWith(library))
      .map((path) => path.slice(library.length))
      .filter((path) => !/^(client|react)\//.test(path));
    expect(foreign).toEqual(["effects/transports/envelope.js"]);
    expect(modules["page.js"]).not.toMatch(/HMAC|LAZY_VIEWS|AES-GCM|lazy-views:2:/);
  });
});

describe("the command line", () => {
  test("connects a deployment to which the app was pushed", async () => {
    const backend = await startConsumer(consumer);
    const { stdout } = succeeded(await npx(consumer, backend, "convex-lazy-views", "connect", "--json"));
    const { connected, transport, problems, warnings } = JSON.parse(stdout);
    expect({ connected, transport, problems, warnings }).toEqual({
      connected: true,
      transport: "logStream",
      problems: [],
      warnings: [],
    });
  });
});

describe("under plain Node", () => {
  const evaluate = async (expression: string) => {
    const script = `console.log(JSON.stringify(${expression}))`;
    return await runNode(["--input-type=module", "-e", script], { cwd: consumer });
  };

  test.each([
    ["convex-lazy-views", ["LazyViews", "defineView", "viewTable"]],
    ["convex-lazy-views/test", ["collectEffects", "deliverEffects"]],
    ["convex-lazy-views/aggregate", []],
    ["convex-lazy-views/client", ["ConvexClient", "ConvexHttpClient"]],
    ["convex-lazy-views/react", ["ConvexReactClient", "useQuery", "useMutation"]],
    ["convex-lazy-views/nextjs", ["fetchQuery", "preloadQuery", "fetchMutation"]],
  ])("%s loads", async (entry, names) => {
    const { stdout } = succeeded(await evaluate(`Object.keys(await import("${entry}"))`));
    expect(JSON.parse(stdout)).toEqual(expect.arrayContaining(names));
  });

  test("package.json can be read", async () => {
    const location = `import.meta.resolve("convex-lazy-views/package.json")`;
    expect(succeeded(await evaluate(location)).stdout).toContain("convex-lazy-views/package.json");
  });

  test.each(["dist/index.js", "dist/views/view.js", "src/index.ts", "views/view"])(
    "%s is not to be imported",
    async (path) => {
      const { code, stderr } = await evaluate(`await import("convex-lazy-views/${path}")`);
      expect(stderr).toContain("ERR_PACKAGE_PATH_NOT_EXPORTED");
      expect(code).toBe(1);
    },
  );
});
