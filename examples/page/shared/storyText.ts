/** The words of a story, for the page's activity and the terminal's tour. */
import { field } from "./field";
import { wholeNumber } from "./format";
import {
  type Episode,
  isRow,
  type NameOf,
  type Outcomes,
  type Scope,
  type Step,
  type StepKind,
  type Work,
} from "./story";

/** The key of a row, and its view. */
export interface RowKey {
  view: string;
  args: unknown;
}

/** The words for the story of an example. */
export interface Telling extends Scope {
  /** `the row of ORD`, `22 grants` */
  rows: (keys: RowKey[], name: NameOf) => string;
  /** The rows that have a tag: `all grants of Charles` */
  tag?: (tag: string) => string;
  /** What a query does with a stale row. Default: `served the old value`. */
  served?: string;
  /** The other functions that queries schedule. */
  effects: Readonly<Record<string, EffectWords>>;
}

export interface EffectWords {
  /** What the query saw: `Acme was shown past its limit`. */
  seen: (args: unknown, name: NameOf) => string;
  /** What the effect requests: `lock the account`. */
  asked: string;
  /** The result: `the account was locked`. */
  done: string;
}

const stepNames: Record<StepKind, string> = {
  write: "Write",
  read: "Read",
  delivery: "Delivery",
  dispatch: "Scheduling",
  run: "Recompute",
  fresh: "Fresh",
};

/** An episode's title: its cause. */
export function episodeTitle({ steps }: Episode, telling: Telling, name: NameOf): string {
  const write = steps.find((step) => step.kind === "write");
  if (write) {
    const written = writeText(write, telling, name);
    return capitalized(write.times === 1 ? written : `${written}, ${write.times} times`);
  }
  const works = steps.find((step) => step.kind === "read")?.of ?? [];
  const seen = others(works).flatMap(({ functionPath, args }) => telling.effects[functionPath]?.seen(args, name) ?? []);
  if (seen.length > 0) return capitalized(list(seen));
  const rows = rowsText(works, telling, name);
  return works.every(({ isMissing }) => isMissing) ? `First read of ${rows}` : `Read of ${rows}`;
}

/** The name of a step, or of one that is still to come. */
export function stepName(kind: StepKind, step?: Step): string {
  if (step?.kind === "run") return step.of.every(isRow) ? "Recompute" : "Run";
  if (step?.kind === "dispatch" && dropped(step.outcomes) === step.of.length) return "Dropped";
  return stepNames[kind];
}

/** What happened in the step. */
export function stepDetail(step: Step, telling: Telling, name: NameOf): string {
  switch (step.kind) {
    case "write":
      return marked(step, telling, name);
    case "read":
      return found(step, telling, name);
    case "delivery":
      return `the ${step.by} carried ${its(step.of)} out of the query`;
    case "dispatch":
      return outcomesText(step);
    case "run":
      return done(step, telling);
    case "fresh":
      return step.of.every(isRow) ? "the new value was pushed to the readers" : "the readers see what was done";
  }
}

/** `the row of ORD`, `the rows of ORD and EWR`, `the rows of ORD, EWR and 5 others` */
export function rowsOf(names: string[]): string {
  return `the row${names.length === 1 ? "" : "s"} of ${list(names)}`;
}

/** `ORD`, `ORD and EWR`, `ORD, EWR, LAX and 4 others` */
export function list(all: string[]): string {
  const [names, rest] = all.length > LISTED ? [all.slice(0, LISTED - 1), all.length - LISTED + 1] : [all, 0];
  if (rest > 0) return `${names.join(", ")} and ${rest} others`;
  return names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}

const LISTED = 4;

/** `1 document`, `1,200 documents` */
export function counted(count: number, noun: string): string {
  return `${wholeNumber(count)} ${noun}${count === 1 ? "" : "s"}`;
}

function writeText(
  { path, args }: Extract<Step, { kind: "write" }>,
  { writes, effects }: Telling,
  name: NameOf,
): string {
  return writes[path]?.(args, name) ?? effects[path]?.done ?? `${plain(path)} ran`;
}

function marked({ of, tags }: Extract<Step, { kind: "write" }>, telling: Telling, name: NameOf): string {
  if (of.length > 0) return `it marked ${rowsText(of, telling, name)} as stale`;
  if (tags.length > 0)
    return `it made ${list([...new Set(tags.map(telling.tag ?? String))])} stale, by one write to a tag`;
  return "it marked no row: no stored row depends on what it wrote";
}

function found({ of, cached }: Extract<Step, { kind: "read" }>, telling: Telling, name: NameOf): string {
  const rows = of.filter(isRow);
  const missing = rows.filter(({ isMissing }) => isMissing);
  const stale = rows.filter(({ isMissing }) => !isMissing);
  const clauses = [
    ...(missing.length > 0
      ? [
          `${rowsText(missing, telling, name)} ${missing.length === 1 ? "was" : "were"} not stored yet, so the query ` +
            "computed the value itself",
        ]
      : []),
    ...(stale.length > 0
      ? [`a query found ${rowsText(stale, telling, name)} stale and ${telling.served ?? "served the old value"}`]
      : []),
  ];
  const asked = others(of).map(
    ({ functionPath }) => telling.effects[functionPath]?.asked ?? `run ${plain(functionPath)}`,
  );
  const wish = asked.length === 0 ? "" : ` to ${list([...new Set(asked)])}`;
  const raised = of.length === 1 ? "an effect" : counted(of.length, "effect");
  if (rows.length === 0 && cached) return `the cache answered, and sent the query's effect${wish} again`;
  if (rows.length === 0) return `the query raised ${raised}${wish}`;
  return `${clauses.join("; ")}; it raised ${raised}${wish}`;
}

function outcomesText({ of, outcomes }: Extract<Step, { kind: "dispatch" }>): string {
  const noun = of.every(isRow) ? "recompute" : of.some(isRow) ? "job" : "mutation";
  const parts = (Object.keys(outcomeTexts) as (keyof Outcomes)[])
    .filter((name) => outcomes[name] > 0)
    .map((name) => outcomeTexts[name](outcomes[name] === 1 ? `the ${noun}` : counted(outcomes[name], noun)));
  return list(parts);
}

const outcomeTexts: Record<keyof Outcomes, (jobs: string) => string> = {
  dispatched: (jobs) => `the deployment scheduled ${jobs}`,
  trailing: (jobs) => `the deployment scheduled ${jobs} for the end of the window`,
  duplicates: (jobs) => `${jobs} had been scheduled within the window already`,
  superseded: (jobs) => `another effect had led to ${jobs} already`,
  refused: (jobs) => `the deployment refused ${jobs}`,
};

function dropped({ duplicates, superseded, refused }: Outcomes): number {
  return duplicates + superseded + refused;
}

function done({ of, documents, changed, failed }: Extract<Step, { kind: "run" }>, telling: Telling): string {
  if (failed > 0) return failed === of.length ? "it failed" : `${failed} of ${of.length} failed`;
  const other = others(of).map(
    ({ functionPath }) => telling.effects[functionPath]?.done ?? `${plain(functionPath)} ran`,
  );
  const parts = [...new Set(other)];
  if (of.some(isRow)) {
    const rows = of.filter(isRow).length;
    if (changed === 0) parts.push("fresh already, nothing to do");
    else parts.push(`${rows === 1 ? "" : `${rows} rows, `}${counted(documents, "document")} read`);
  }
  return parts.join("; ");
}

function its(of: Work[]): string {
  return of.length === 1 ? "the effect" : `the ${of.length} effects`;
}

function others(works: Work[]): Work[] {
  return works.filter((work) => !isRow(work));
}

function rowsText(works: Work[], { rows }: Telling, name: NameOf): string {
  return rows(works.filter(isRow).map(keyOf), name);
}

/** The row of a recompute. */
export function keyOf({ args }: Work): RowKey {
  return { view: String(field(args, "view")), args: field(args, "args") };
}

/** `tracking/views:viewed` → `viewed` */
function plain(path: string): string {
  return path.split(":").at(-1) ?? path;
}

function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
