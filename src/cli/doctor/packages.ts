import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { type PackageJson, readPackage } from "../init/folder.js";
import type { Findings } from "./findings.js";

const OWN = JSON.parse(readFileSync(new URL("../../../package.json", import.meta.url), "utf8")) as PackageJson;
const NAME = "convex-lazy-views";

/** Checks that the app has installed a version of convex that works, and the version of this library that runs here. */
export async function lookAtPackages(findings: Findings, app: string): Promise<void> {
  const { name, dependencies, devDependencies } = await readPackage(app);
  const declared = { ...dependencies, ...devDependencies };
  const range = OWN.peerDependencies?.convex ?? "";
  const convex = installedVersion(app, "convex");
  if (convex === undefined) findings.problem(`The package convex is not installed in ${app}.`, "npm install convex");
  else if (satisfies(convex, range)) findings.ok(`convex ${convex} is installed.`);
  else
    findings.problem(`convex ${convex} is installed, and this library needs ${range}.`, `npm install convex@${range}`);
  const own = installedVersion(app, NAME);
  if (own !== undefined && own !== OWN.version) {
    findings.advice(`The app has ${NAME} ${own}, and this command is of ${OWN.version}.`, `npm install ${NAME}`);
  }
  // In this library's own folder, the examples need no dependency on it.
  if (!(NAME in declared) && name !== NAME)
    findings.advice(`The app's package.json does not list ${NAME}.`, `npm install ${NAME}`);
}

function installedVersion(app: string, name: string): string | undefined {
  try {
    const path = createRequire(join(app, "package.json")).resolve(`${name}/package.json`);
    return (JSON.parse(readFileSync(path, "utf8")) as PackageJson).version;
  } catch {
    return undefined;
  }
}

/** Whether a version is in a range such as `^1.47.0`. */
export function satisfies(version: string, range: string): boolean {
  const [major = 0, minor = 0, patch = 0] = numbersOf(version);
  const [leastMajor = 0, leastMinor = 0, leastPatch = 0] = numbersOf(range);
  return major === leastMajor && (minor > leastMinor || (minor === leastMinor && patch >= leastPatch));
}

const numbersOf = (version: string): number[] => (version.match(/\d+/g) ?? []).slice(0, 3).map(Number);
