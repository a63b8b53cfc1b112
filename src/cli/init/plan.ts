import { planHttp } from "./http.js";
import { planLazy } from "./lazy.js";
import { Project } from "./project.js";
import { planSchema } from "./schema.js";
import { ByHand, type Step } from "./step.js";

const PLANNERS = { lazy: planLazy, schema: planSchema, http: planHttp };

/**
 * Plans what a functions folder lacks of the library's wiring.
 *
 * @param files - The texts of its source files, by their paths in the folder, with `/`.
 */
export function planInit(files: ReadonlyMap<string, string>): Step[] {
  const steps = planOnce(files);
  const changed = new Map(files);
  for (const { file, text } of steps) if (text !== undefined) changed.set(file, text);
  // An edit is made only if the edited files lack nothing then. Otherwise the user must add the lines.
  const again = planOnce(changed);
  return steps.map((step, i) => {
    if (step.text === undefined || again[i]?.action === "kept") return step;
    const { file, lines } = step;
    return { file, lines, action: "manual", reason: "it is written in a way that this command does not know" };
  });
}

function planOnce(files: ReadonlyMap<string, string>): Step[] {
  const project = new Project(files);
  const typescript = project.isTypeScript();
  const lazy = project.lazy();
  const hidden = project.views().filter(({ exported, source }) => exported === undefined && source !== lazy?.source);
  const steps = Object.entries(PLANNERS).map(([module, planner]): Step => {
    const named = module === "lazy" && lazy ? lazy.source.file : project.fileOf(module);
    let file = named ?? `${module}.${typescript ? "ts" : "js"}`;
    try {
      const unreadable = project.unreadable.get(file);
      if (unreadable) throw new ByHand(`it cannot be parsed (${unreadable})`, []);
      const { edit, isNew, kept } = planner(project, typescript);
      ({ file } = edit);
      if (edit.added.length === 0) return { file, action: "kept", lines: kept };
      return { file, action: isNew ? "created" : "added", lines: edit.added, text: edit.toString() };
    } catch (error) {
      if (!(error instanceof ByHand)) throw error;
      return { file, action: "manual", lines: error.lines, reason: error.reason };
    }
  });
  const toExport = hidden.map(({ source, local, name }): Step => {
    const reason = `it does not export the view "${name}", so that it cannot be in new LazyViews({ views })`;
    return {
      file: source.file,
      action: "manual",
      lines: [`export const ${local} = defineView("${name}", { … });`],
      reason,
    };
  });
  return [...steps, ...toExport];
}
