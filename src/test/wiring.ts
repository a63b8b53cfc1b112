import { callerOf, tryExports } from "../app/wiring.js";
import type { Effect } from "../effects/effect.js";
import { readIn, type TestConvexLike } from "./testConvex.js";

/** The target of recomputes: this export of the app's module. */
const RECOMPUTE = /^(.*):recompute$/;
/** The exports of the library that are scheduled as jobs. */
const SCHEDULED = ["recompute", "sweep", "act"];

/** Checks the wiring of the apps whose effects it has seen. */
export class Wiring {
  private readonly modules = new Set<string>();
  private failedBefore = new Set<string>();

  constructor(private readonly t: TestConvexLike) {}

  /** Failures from before this call are not reported. */
  async begin(): Promise<void> {
    this.failedBefore = new Set((await findFailed(this.t)).map(({ _id }) => _id));
  }

  /** @throws Error that names each missing export and table, when an app raises its first recompute. */
  async check(effects: readonly Effect[]): Promise<void> {
    for (const { target, seen } of effects) {
      const [, module] = (seen !== undefined && RECOMPUTE.exec(target)) || [];
      if (module === undefined || this.modules.has(module)) continue;
      const found = await tryExports(module, callerOf(module, this.t));
      const problems = [...found.seen, ...found.failed];
      if (problems.length > 0) throw new Error(`settle: ${problems.join("\n")}`);
      this.modules.add(module);
    }
  }

  /** @throws Error that names the scheduled functions of the library that have failed; convex-test only logs them. */
  async checkJobs(): Promise<void> {
    const own = [...this.modules].flatMap((module) => SCHEDULED.map((name) => `${module}:${name}`));
    const failed = (await findFailed(this.t)).filter(
      ({ _id, name }) => own.includes(name) && !this.failedBefore.has(_id),
    );
    if (failed.length === 0) return;
    const names = [...new Set(failed.map(({ name }) => name))].join(", ");
    throw new Error(`settle: the scheduled function ${names} has failed; convex-test has logged its error.`);
  }
}

async function findFailed(t: TestConvexLike) {
  const jobs = await readIn(t, (ctx) => ctx.db.system.query("_scheduled_functions").collect());
  return jobs.filter(({ state }) => state.kind === "failed");
}
