import { readFunctionsFolder } from "../init/folder.js";
import { planInit } from "../init/plan.js";
import { Project } from "../init/project.js";
import { type Findings, someOf } from "./findings.js";

const RAW = new Set(["mutation", "internalMutation"]);

/** What follows from the app's own code. */
export interface SourceLook {
  /** The commands after which the deployment has the whole wiring. */
  push: string;
}

/** Checks the app's code for lines of the wiring that it lacks, and for mutations that the library does not see. */
export async function lookAtSource(findings: Findings, app: string): Promise<SourceLook> {
  const { files, name } = await readFunctionsFolder(app);
  const push = "npx convex dev --once";
  if (files.size === 0) {
    findings.note(`There is no folder ${name} here, so the code is not looked at.`);
    return { push };
  }
  const steps = planInit(files);
  const lacking = steps.filter(({ action }) => action === "created" || action === "added");
  const manual = steps.filter(({ action }) => action === "manual");
  if (lacking.length > 0) {
    const list = lacking.map(({ file }) => `${name}/${file}`).join(", ");
    findings.problem(`The code lacks lines of the wiring in ${list}.`, `npx convex-lazy-views init, then ${push}`);
  } else if (manual.length === 0) findings.ok(`The code in ${name} has the whole wiring.`);
  for (const { file, reason } of manual) {
    findings.advice(`${name}/${file} may lack lines of the wiring: ${reason}.`, "npx convex-lazy-views init --dry-run");
  }
  const raw = filesWithRawMutations(files);
  if (raw.length > 0) {
    const list = someOf(raw.map((file) => `${name}/${file}`));
    findings.advice(
      `The library does not see what mutations of ${list} write: they are made with the builders of _generated/server.`,
      "import mutation and internalMutation from the module that has new LazyViews({ … })",
    );
  }
  findings.note(
    'A lint rule keeps raw mutations out of your code: see "Keep raw mutations out" in docs/guarantees.md.',
  );
  return { push: lacking.length > 0 ? `npx convex-lazy-views init, then ${push}` : push };
}

function filesWithRawMutations(files: ReadonlyMap<string, string>): string[] {
  const project = new Project(files);
  const lazy = project.lazy();
  if (lazy === undefined) return [];
  return [...project.sources.values()]
    .filter((source) => {
      const imports = [...source.imports.values()];
      const isRaw = imports.some(({ from, name }) => RAW.has(name) && /_generated\/server(\.[jt]s)?$/.test(from));
      // A module that imports the instance of LazyViews wraps the builders with it.
      const isInstance = ({ from, name }: { from: string; name: string }) =>
        name === lazy.exported && project.resolve(source, from) === lazy.source;
      const isWiring = source === lazy.source || imports.some(isInstance);
      return isRaw && !isWiring;
    })
    .map(({ file }) => file);
}
