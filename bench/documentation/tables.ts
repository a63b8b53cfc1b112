import { strategy } from "../costs/strategies";
import { TRANSPORTS } from "../month";
import { LABELS as OPERATIONS } from "../tracking/report";
import { numberOf, type Tree, textOf } from "./figures";

/** Reads a figure by its name, as a text: divided by `unit`, with `digits` decimals. */
type Read = (name: string, digits?: number, unit?: number) => string;
/** The rows of a table as lists of cells. The first row is the head. */
type Rows = string[][];

/** With thousands separators. */
export const formatted = (value: number, digits = 0): string =>
  value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });

/** The Markdown lines of a table of the documentation. Its name stands in a comment above the table. */
export function tableLines(name: string, figures: Tree): string[] {
  const rows = TABLES[name];
  if (rows === undefined) throw new Error(`there is no table "${name}" in bench/documentation/tables.ts.`);
  const [head = [], ...body] = rows(
    (path, digits, unit = 1) => formatted(numberOf(figures, path) / unit, digits),
    figures,
  );
  return [head, head.map(() => "---"), ...body].map((cells) => `| ${cells.join(" | ")} |`);
}

const WAYS = {
  "month.inQuery": "compute in the query",
  "month.triggerCounter": "a counter in a trigger",
  "month.lazyTracked.logTail": "a view with the defaults",
  "month.lazyPatient.logTail": "… with `window: { minutes: 5 }`",
  "month.lazyApplied.logTail": "… with `sources` and `applyChange`",
};

const label = (name: string) => strategy(name).label.replace("lazy view: ", "view: ").replace(" 10 s", " every 10 s");

const TABLES: Record<string, (read: Read, figures: Tree) => Rows> = {
  hour: (read) => [
    [
      "",
      "recomputes",
      "answers to clients",
      "documents read",
      "documents written",
      "MB",
      "age of 99 % of the shown values, at most",
    ],
    ...Object.entries(WAYS).map(([name, way]) => {
      const hour = `month.${name.split(".")[1]}.hour`;
      return [
        way,
        ...["recomputes", "answers", "documentsRead", "documentsWritten"].map((what) => read(`${hour}.${what}`)),
        read(`${hour}.megabytes`, 1),
        `${read(`${hour}.staleSeconds`, 1)} s`,
      ];
    }),
  ],
  monthlyUse: (read) => [
    ["", "million calls", "million documents", "GB of database I/O", "GB-hours of action"],
    ...Object.entries(WAYS).map(([name, way]) => [
      way,
      read(`${name}.calls`, 2, 1e6),
      read(`${name}.documents`, 1, 1e6),
      read(`${name}.gigabytes`, 1),
      read(`${name}.gbHours`, 1),
    ]),
  ],
  monthlyDollars: (read) => [
    ["", "times what Free includes", "Starter", "Professional"],
    ...Object.entries(WAYS).map(([name, way]) => [way, read(`${name}.timesFree`, 1), ...priceOf(read, name)]),
  ],
  monthlyTransports: (read) => [
    ["", "million calls", "GB-hours of action", "Starter", "Professional"],
    ...TRANSPORTS.map((transport) => {
      const name = `month.lazyPatient.${transport}`;
      const [starter = "", professional = ""] = priceOf(read, name);
      const isThere = transport !== "logStream";
      return [
        `\`${transport}\``,
        read(`${name}.calls`, 2, 1e6),
        read(`${name}.gbHours`, 1),
        isThere ? starter : "no log streams",
        professional,
      ];
    }),
  ],
  byRatio: (read, figures) => [
    [
      "reads per write",
      "best form of the view",
      "over its bound",
      "best other way",
      "over that way",
      "with `sources`, over its bound",
    ],
    ...ratiosOf(figures).map((ratio) => {
      const name = `ratings.${ratio}`;
      return [ratio, ...rated(name, read, figures), read(`${name}.defaultsToClairvoyant`, 2)];
    }),
  ],
  recomputing: (read, figures) => [
    ["reads per write", "best form of the view", "over its bound", "best other way", "over that way"],
    ...ratiosOf(figures).map((ratio) => [ratio, ...rated(`ratings.${ratio}.recomputing`, read, figures)]),
  ],
  documents: (read, figures) => [
    ["reads per write", ...DOCUMENTED.map(label)],
    ...ratiosOf(figures).map((ratio) => [ratio, ...DOCUMENTED.map((name) => read(`ratios.${ratio}.${name}`))]),
  ],
  tracked: (read, figures) => [
    ["reads per write", "documents, declared", "documents, tracked", "tracked, over its bound"],
    ...ratiosOf(figures).map((ratio) => [
      ratio,
      read(`ratios.${ratio}.lazy`),
      read(`ratios.${ratio}.lazyTracked`),
      read(`ratings.${ratio}.trackedToClairvoyant`, 2),
    ]),
  ],
  hotKeys: (read, figures) => [
    ["", "documents", "conflicts per write", "writes that failed"],
    ...Object.keys(branch(figures, "contended")).map((name) => [
      label(name),
      read(`contended.${name}`),
      read(`details.contended.${name}.conflictsPerWrite`, 2),
      read(`details.contended.${name}.failures`),
    ]),
  ],
  operations: (read) => [
    ["", "declared `sources`", "tracked"],
    ...Object.entries(OPERATIONS).map(([name, operation]) => [
      operation,
      ...["declared", "tracked"].map((form) => taken(read, `operations.${name}.${form}`)),
    ]),
  ],
  sizes: (read, figures) => [
    ["documents of the key", ...SIZED.map(label)],
    ...Object.entries(branch(figures, "sizes")).map(([size, measured]) => [
      formatted(Number(size)),
      ...SIZED.map((name) => (name in (measured as Tree) ? read(`sizes.${size}.${name}`) : "not measured")),
    ]),
  ],
  tailMonths: (read) => [
    ["", "calls a month", "seconds of action", "GB-hours", "of what Free includes", "Starter", "Professional"],
    ...Object.entries(LOADS).map(([name, load]) => [
      load,
      ...["calls", "seconds"].map((what) => read(`tailMonths.${name}.${what}`)),
      read(`tailMonths.${name}.gbHours`, 1),
      `${read(`tailMonths.${name}.percentOfFree`)} %`,
      ...priceOf(read, `tailMonths.${name}`),
    ]),
  ],
  advice: (read, figures) => [
    ["keys, reads per write", "in the query", "predicted", "measured", "predicted / measured", "its advice"],
    ...Object.entries(branch(figures, "advice"))
      .filter(([, advised]) => typeof advised === "object")
      .map(([name]) => [
        name,
        ...["inQuery", "predicted", "measured"].map((what) => read(`advice.${name}.${what}`)),
        read(`advice.${name}.ratio`, 2),
        VERDICTS[textOf(figures, `advice.${name}.verdict`)] ?? "",
      ]),
  ],
};

const VERDICTS: Record<string, string> = {
  gain: "a view",
  dearer: "a view, but it costs more",
  "no gain": "no view",
};
const DOCUMENTED = [
  "lazy",
  "lazyTracked",
  "lazyApplied",
  "lazyProbed",
  "inQuery",
  "triggerCounter",
  "aggregate",
  "actionCache",
  "cron",
];
const SIZED = ["lazyPaged", "lazyPagedApplied", "triggerCounter", "inQuery", "triggerRecompute", "aggregate"];
const LOADS = {
  idle: "idle: nothing is written, no row is stale",
  "a heartbeat each five minutes": "a heartbeat each five minutes",
  "one write a minute": "one write a minute, to a row that a client looks at",
  "a hundred writes a second": "a hundred writes a second, to ten such rows",
};

const branch = (figures: Tree, name: string) => figures[name] as Tree;
const ratiosOf = (figures: Tree) => Object.keys(branch(figures, "ratings"));

function rated(name: string, read: Read, figures: Tree): string[] {
  const [form, other] = ["form", "other"].map((which) => label(textOf(figures, `${name}.${which}`)));
  return [form as string, read(`${name}.toClairvoyant`, 2), other as string, read(`${name}.toOther`, 2)];
}

const priceOf = (read: Read, name: string): string[] => [
  `$${read(`${name}.dollarsStarter`, 2)}`,
  `$${read(`${name}.dollarsProfessional`, 2)}`,
];

const taken = (read: Read, name: string) =>
  ["read", "written", "ranges"].map((what) => read(`${name}.${what}`)).join(" / ");
