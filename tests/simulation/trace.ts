import type { JSONValue } from "convex/values";
import type { Change } from "../../examples/backend/readSet";
import type { Ended } from "./engine/backend.js";
import type { Kind } from "./engine/frame.js";
import type { Commit } from "./engine/store.js";

/** A readable record of a history's events. Costs nothing unless it is requested. */
export class Trace {
  readonly lines: string[] = [];
  private readonly startedAt: number;

  constructor(
    private readonly isWanted: boolean,
    private readonly now: () => number,
  ) {
    this.startedAt = now();
  }

  add(line: () => string): void {
    if (!this.isWanted) return;
    const seconds = ((this.now() - this.startedAt) / 1_000).toFixed(3).padStart(8);
    this.lines.push(`${seconds}  ${line()}`);
  }

  onCommit({ number, path, changes }: Commit): void {
    this.add(() => `commit ${number} ${path}: ${changes.map(describe).join("; ")}`);
  }

  onEnd(kind: Kind, { path, args, result, snapshot, retries }: Ended<unknown>): void {
    this.add(() => {
      const said = "error" in result ? `threw ${result.error.message}` : text(result.value);
      const again = retries === 0 ? "" : `, run again ${retries} times`;
      return `${kind} ${path} ${text(args)} at snapshot ${snapshot}${again}: ${said}`;
    });
  }

  onActionEnd(path: string, args: JSONValue, isDead: boolean): void {
    this.add(() => `action ${path} ${text(args)} ${isDead ? "died" : "ended"}`);
  }

  onConflict(path: string, change: Change): void {
    this.add(() => `${path} is in conflict: ${describe(change)}`);
  }
}

function describe({ table, id, before, after }: Change): string {
  if (after === null) return `${id} deleted`;
  const changed = Object.entries(after).filter(
    ([name, value]) => !name.startsWith("_") && text(value) !== text(before?.[name]),
  );
  const gone = Object.keys(before ?? {}).filter((name) => !(name in after));
  const fields = [...changed.map(([name, value]) => `${name} ${text(value)}`), ...gone.map((name) => `no ${name}`)];
  return `${before === null ? `new ${table} ` : ""}${id} ${fields.join(", ")}`;
}

function text(value: unknown): string {
  return JSON.stringify(value, (_, item) => (typeof item === "bigint" ? `${item}n` : item)) ?? "-";
}
