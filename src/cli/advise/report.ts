import { spanText } from "../words.js";
import type { Observation } from "./observation.js";
import type { Prediction, Verdict } from "./predict.js";
import { PRICES_AS_OF, PROFESSIONAL } from "./prices.js";

/** What the advice needs besides the calls. */
export interface Source {
  /** The window that a view is assumed to have, in ms. */
  windowMs: number;
  /** How often entries of the log were lost; 0 for a saved log. */
  gaps: number;
}

const ASSUMPTIONS = [
  "The log has no arguments. If runs that read about as much have the same arguments, a view is computed the fewest " +
    "times. At most, it is computed once for each run. The prediction is the geometric mean of the two.",
  "The log does not say which writes change the result of which query. At least, they are as many as the runs that read " +
    "something else after a write; at most, they are all writes of the app. The prediction is the geometric mean again.",
  "A view's row is as large as the result of the query. The view is tracked, is read once by each run, and does not use " +
    "`applyChange`, which needs no recompute where the new value follows from the change (a count, a sum).",
  `Dollars are for 30 days at Convex's list prices of ${PRICES_AS_OF} for the plan Professional, in the US, beyond what ` +
    `the plan includes: $${PROFESSIONAL.databaseGB.toFixed(2)} for a GB that functions read or write, and ` +
    `$${PROFESSIONAL.millionCalls.toFixed(2)} for a million function calls, of which a view adds some for each recompute.`,
  "Every day is like the time of the log.",
  "In the measurements of docs/costs.md, views took between a third and 1.4 times the documents that were predicted.",
];

const SECTIONS: [Verdict, string][] = [
  ["gain", "A view would gain"],
  ["dearer", "A view would save documents, but the calls that it adds cost more"],
  ["no gain", "A view would save little or nothing"],
  ["unclear", "The log says too little"],
  ["in use", "These have raised effects: they read a view already, or schedule work"],
];

/** A list has at most so many queries. `--json` has all. */
const MOST_LISTED = 10;

/**
 * The advice as an object, for `--json`. All amounts are for the time of the log, unless their names say another one.
 */
export function adviceJson(observation: Observation, predictions: readonly Prediction[], source: Source) {
  const { from, until, calls, mutations, documentsWritten } = observation;
  return {
    from: new Date(from).toISOString(),
    until: new Date(until).toISOString(),
    seconds: (until - from) / 1_000,
    calls,
    mutationsThatWrote: mutations,
    documentsWritten,
    ...source,
    prices: { asOf: PRICES_AS_OF, plan: "Professional", ...PROFESSIONAL },
    queries: predictions.map(({ query, ...prediction }) => ({ ...query, ...prediction })),
    assumptions: ASSUMPTIONS,
  };
}

/** The advice as lines of text. */
export function adviceText(
  observation: Observation,
  predictions: readonly Prediction[],
  { windowMs, gaps }: Source,
): string[] {
  const { from, until, calls, mutations, documentsWritten } = observation;
  if (calls === 0) return ["The log has no calls of the app's queries or mutations, so there is nothing to advise on."];
  const time = (ms: number) => new Date(ms).toISOString().slice(0, 19).replace("T", " ");
  const lost = gaps === 0 ? [] : [`Entries of the log were lost ${several(gaps, "time")}: all counts are too low.`];
  return [
    `${several(calls, "call")} of the app's queries and mutations in ${spanText(until - from)}, from ` +
      `${time(from)} to ${time(until)} UTC.`,
    `${several(mutations, "mutation")} wrote ${several(documentsWritten, "document")}.`,
    ...lost,
    "",
    ...table(observation),
    ...SECTIONS.flatMap(([verdict, title]) => {
      const these = predictions.filter((prediction) => prediction.verdict === verdict);
      if (these.length === 0) return [];
      const shown = these.slice(0, MOST_LISTED).flatMap((prediction) => explain(prediction, until - from));
      return ["", title, ...shown, ...more(these.length)];
    }),
    ...assumptions(predictions, windowMs),
  ];
}

/** The assumptions; none, if nothing is predicted. */
function assumptions(predictions: readonly Prediction[], windowMs: number): string[] {
  if (predictions.every(({ estimate }) => estimate === null)) return [];
  return [
    "",
    "What this assumes",
    ...[`A view's window is ${spanText(windowMs)} (--window).`, ...ASSUMPTIONS].flatMap((text) =>
      wrapped("    ", text).map((line, i) => (i === 0 ? line.replace("    ", "  - ") : line)),
    ),
  ];
}

function table({ queries, from, until }: Observation): string[] {
  const perDay = 86_400_000 / Math.max(until - from, 1);
  const head = ["query", "documents a day", "bytes a day", "runs", "documents a run", "ms a run", "from the cache"];
  const rows = queries
    .slice(0, MOST_LISTED)
    .map(({ name, documents, bytes, runs, cached, ms }) => [
      name,
      rounded(documents * perDay),
      size(bytes * perDay),
      number(runs),
      rounded(documents / Math.max(runs, 1)),
      rounded(ms / Math.max(runs, 1)),
      `${percent(cached / Math.max(runs + cached, 1))}`,
    ]);
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => (row[i] ?? "").length)));
  const line = (cells: string[]) =>
    `  ${cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join("  ")}`;
  return ["Queries, by the documents that they read", line(head), ...rows.map(line), ...more(queries.length)];
}

function more(count: number): string[] {
  return count > MOST_LISTED ? [`  … and ${count - MOST_LISTED} more: see --json.`] : [];
}

/** The sentences about one query. */
function explain(prediction: Prediction, spanMs: number): string[] {
  const { query, lack, estimate } = prediction;
  if (estimate === null) return [`  ${query.name}${lack === null ? "" : `: ${lack}.`}`];
  const { nowADay, withViewADay, partsADay, breakEven, documentsSavedADay, bytesSavedADay, dollarsSavedAMonth } =
    estimate;
  const { times } = query.recomputes;
  const change = changeText(nowADay.documents, withViewADay.documents);
  return [
    `  ${query.name}`,
    ...wrapped(
      "    ",
      `With a view it would take ${rounded(withViewADay.documents)} documents a day in place of ${rounded(nowADay.documents)}, ` +
        `${change} (at best ${fewer(documentsSavedADay.most)}, at worst ` +
        `${fewer(documentsSavedADay.fewest)}): ${rounded(partsADay.hits)} for readers, ${rounded(partsADay.recomputes)} to compute ` +
        `it, ${rounded(partsADay.writes)} in mutations, which mark what they make stale. That is ` +
        `${size(Math.abs(bytesSavedADay))} ${bytesSavedADay >= 0 ? "less" : "more"} a day, and ` +
        `${money(Math.abs(dollarsSavedAMonth))} ${dollarsSavedAMonth >= 0 ? "less" : "more"} a month, with ` +
        `${rounded(withViewADay.calls)} more calls a day. In ${spanText(spanMs)}, in which the query ran ` +
        `${number(query.runs)} times, it would be computed some ${number(Math.round(times.likely))} times ` +
        `(at least ${number(times.fewest)}, at most ${number(times.most)}). ` +
        (breakEven < 1
          ? "It would save no documents even if it were never computed."
          : `It saves documents if that is fewer than ${number(Math.floor(breakEven))} times.`),
    ),
  ];
}

const LINE_WIDTH = 100;

/** Wraps a paragraph into indented lines that fit a terminal. */
function wrapped(indent: string, text: string): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && indent.length + line.length + 1 + word.length > LINE_WIDTH) {
      lines.push(indent + line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, indent + line];
}

const several = (count: number, noun: string) => `${number(count)} ${noun}${count === 1 ? "" : "s"}`;
const number = (value: number) => value.toLocaleString("en");
const rounded = (value: number) => value.toLocaleString("en", { maximumSignificantDigits: 3 });
const fewer = (saved: number) => `${rounded(Math.abs(saved))} ${saved >= 0 ? "fewer" : "more"}`;
const percent = (share: number) => `${Math.round(share * 100)} %`;
const money = (dollars: number) => (dollars < 0.005 ? "less than a cent" : `$${dollars.toFixed(2)}`);

/** The change from one amount to another: `70 % fewer`, `20 % more`, `3.5 times as many`. */
function changeText(before: number, after: number): string {
  const ratio = after / Math.max(before, 1);
  if (ratio >= 2) return `${rounded(ratio)} times as many`;
  return `${percent(Math.abs(ratio - 1))} ${ratio <= 1 ? "fewer" : "more"}`;
}

function size(bytes: number): string {
  const [unit, scale] =
    bytes >= 1e9 ? ["GB", 1e9] : bytes >= 1e6 ? ["MB", 1e6] : bytes >= 1e3 ? ["kB", 1e3] : ["bytes", 1];
  return `${rounded(bytes / (scale as number))} ${unit}`;
}
