import { execFile } from "node:child_process";
import { mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { ROOT } from "../package/pack.js";
import { appFolder, commandLine } from "./commandLine.js";
import { APPS } from "./initApps.js";

const run = promisify(execFile);
const linesOf = (stdout: string, sign: string) => stdout.split("\n").filter((line) => line.startsWith(`${sign} `));

describe("without a deployment, it looks at the app's folder", () => {
  test("and says how to name a deployment", async () => {
    const app = await appFolder();
    const { code, stdout, stderr } = await commandLine(app, {}, "doctor");
    expect({ code, stderr }).toEqual({ code: 1, stderr: "" });
    expect(linesOf(stdout, "✓")).toEqual([expect.stringMatching(/^✓ convex 1\.\d+\.\d+ is installed\.$/)]);
    expect(linesOf(stdout, "✗")).toEqual([expect.stringMatching(/No Convex deployment is configured here\. Run `npx/)]);
    expect(stdout).toMatch(/\n1 thing is wrong\. \(1 piece of advice\)\n$/);
  });

  test("secrets in files that git has, that it does not ignore, or that pages contain", async () => {
    const secret = "a secret of thirty-two characters";
    const app = await appFolder({
      ".env": `LAZY_VIEWS_SECRET="${secret}"\n`,
      ".env.local": `CONVEX_DEPLOY_KEY=\nVITE_LAZY_VIEWS_LOG_KEY="${secret}"\n`,
      ".env.production": `CONVEX_DEPLOY_KEY="${secret}"\n`,
      ".env.example": `LAZY_VIEWS_SECRET="${secret}"\n`,
      ".gitignore": ".env.local\nnode_modules\n",
    });
    await run("git", ["init", "--quiet"], { cwd: app });
    await run("git", ["add", ".env"], { cwd: app });
    const { stdout } = await commandLine(app, {}, "doctor", "--json");
    expect(stdout).not.toContain(secret);
    const { findings } = JSON.parse(stdout) as { findings: { level: string; what: string; fix: string }[] };
    const found = findings.filter(({ what }) => what.includes(".env")).map(({ what, fix }) => `${what} → ${fix}`);
    expect(found).toEqual([
      expect.stringMatching(/^\.env has LAZY_VIEWS_SECRET, and git has the file.* → git rm --cached \.env, then npx/),
      expect.stringMatching(/^LAZY_VIEWS_SECRET in \.env has no effect: .* → remove it there, then npx/),
      expect.stringMatching(/^\.env\.local has VITE_LAZY_VIEWS_LOG_KEY: bundlers put .*begin with VITE_ into pages/),
      ".env.production has CONVEX_DEPLOY_KEY, and git does not ignore the file. → echo .env.production >> .gitignore",
    ]);
  });

  test("the versions of packages, what the code lacks, and mutations that the library does not see", async () => {
    const app = await appFolder();
    await rm(join(app, "node_modules"));
    for (const [name, version] of Object.entries({ convex: "1.46.1", "convex-lazy-views": "0.1.0" })) {
      await mkdir(join(app, "node_modules", name), { recursive: true });
      await writeFile(join(app, "node_modules", name, "package.json"), JSON.stringify({ name, version }));
    }
    const files = {
      ...APPS["Convex Auth's template"],
      "lazy.ts": `import { LazyViews } from "convex-lazy-views";
import { counts } from "./counts";
export const lazy = new LazyViews({ module: "lazy", views: { counts } });
export const { recompute, dispatch, sweep, inspect, heartbeat, tail } = lazy.functions();
`,
      "users.ts": 'import { mutation } from "./_generated/server";\nimport { query } from "./lazy";\n',
      "wrapped.ts": 'import { mutation as raw } from "./_generated/server";\nimport { lazy } from "./lazy";\n',
    };
    for (const [file, text] of Object.entries(files)) await writeFile(join(app, "convex", file), text);
    await symlink(join(ROOT, "node_modules/tsx"), join(app, "node_modules/tsx"));
    const { stdout } = await commandLine(app, {}, "doctor", "--verbose");
    const [found] = stdout.split("No Convex deployment");
    expect(found?.split("\n").slice(0, -1)).toEqual([
      "✗ convex 1.46.1 is installed, and this library needs ^1.47.0. → npm install convex@^1.47.0",
      expect.stringMatching(
        /^! The app has convex-lazy-views 0\.1\.0, and this command is of \d.* → npm install convex-lazy/,
      ),
      "! The app's package.json does not list convex-lazy-views. → npm install convex-lazy-views",
      "✗ The code lacks lines of the wiring in convex/schema.ts, convex/http.ts. → npx convex-lazy-views init, then npx convex dev --once",
      "! The library does not see what mutations of convex/users.ts write: they are made with those of _generated/server. → import mutation and internalMutation from the module that has new LazyViews({ … })",
      expect.stringMatching(/^ {2}A lint rule keeps raw mutations out of your code: see .*docs\/guarantees\.md/),
    ]);
  });
});
