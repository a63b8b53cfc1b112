import { cpus } from "node:os";
import { adviceErrors } from "../advise/measure";
import { costFigures, documentsOf } from "../costs/figures";
import type { CostRecordings, Measured } from "../costs/measure";
import type { WorkloadName } from "../costs/scenarios";
import type { Figures } from "../measurements";
import { type Hour, heartbeatsOf, monthWith, monthWithout, TRAFFIC, TRANSPORTS } from "../month";
import type { Taken } from "../tracking/app";
import { ACTION_GB, monthsOf, PLANS } from "../transports/months";

/** The content of `bench/figures.json`: numbers and texts. A name is a path, such as `overhead.sourceWrite`. */
export interface Tree {
  [name: string]: number | string | Tree;
}

function at(figures: Tree, name: string): number | string | Tree {
  let value: Tree[string] | undefined = figures;
  for (const part of name.split(".")) value = typeof value === "object" ? value[part] : undefined;
  if (value === undefined) throw new Error(`there is no figure "${name}" in bench/figures.json.`);
  return value;
}

/** A number by its name. @throws Error when there is none. */
export function numberOf(figures: Tree, name: string): number {
  const value = at(figures, name);
  if (typeof value !== "number") throw new Error(`the figure "${name}" is no number.`);
  return value;
}

/** A text by its name. @throws Error when there is none. */
export const textOf = (figures: Tree, name: string): string => String(at(figures, name));

/** The figures that the documentation uses, by name. */
export function documentedFigures(figures: Figures, recordings: CostRecordings): Tree {
  const { writes, startup, transports, tracking, advice, mass: _, storm, fanout, ...others } = figures;
  const { ratios: ratings, ...costs } = costFigures(recordings);
  const { freshAfterMs, tail } = transports;
  const { least, most } = adviceErrors(advice);
  return rounded({
    measured: { on: new Date().toISOString().slice(0, 10), node: process.version, machine: machine() },
    ...others,
    ...writes,
    ...costs,
    startup: {
      ...startup,
      bundleKilobytes: startup.bundleBytes / 1_000,
      lazyMilliseconds: startup.lazyMicroseconds / 1_000,
      plainMilliseconds: startup.plainMicroseconds / 1_000,
    },
    transports: {
      ...freshAfterMs,
      idleCalls: tail.anIdleSecond.calls,
      callsAWrite: tail.aWrite.calls,
      secondsAWrite: tail.aWrite.seconds,
      callsAHeartbeat: tail.aHeartbeat.calls,
      secondsAHeartbeat: tail.aHeartbeat.seconds,
      callsABusySecond: tail.aBusySecond.calls,
    },
    tailMonths: byName(
      monthsOf(tail).map((month) => ({ ...month, percentOfFree: 100 * month.ofFree })),
      ({ load }) => load,
    ),
    operations: each(tracking.operations, (forms) => each(forms, taken)),
    registered: { write: taken(tracking.registered.write), hit: taken(tracking.registered.hit) },
    shared: each(tracking.shared, (value) => (typeof value === "number" ? value : taken(value))),
    advice: {
      ...byName(
        advice.map((one) => ({ ...one, ratio: one.predicted / one.measured })),
        ({ workload }) => workload,
      ),
      least,
      most,
      // The inverse: measured / predicted.
      mostTaken: 1 / least,
    },
    ratings: byName(ratings ?? [], ({ ratio }) => ratioText(ratio)),
    ...each(recordings, (section, name) => (name === "mass" ? undefined : documents(section as Measured[]))),
    details: each(recordings, (section, name) => (name in DETAILS ? details(section as Measured[], name) : undefined)),
    month: { ...months(recordings.month, figures), traffic: TRAFFIC },
    prices: { ...PLANS, freeHoursOfTail: PLANS.free.includedGBHours / ACTION_GB },
  }) as Tree;
}

/** The figures of a strategy that the documentation shows besides its documents, by section. */
const DETAILS: Record<string, (measured: Measured["recording"]) => Record<string, number>> = {
  ratios: ({ staleP50, staleP99, amounts, recomputedAt }) => ({
    staleP50: staleP50 / 1_000,
    staleP99: staleP99 / 1_000,
    calls: amounts.functionCalls,
    recomputes: recomputedAt.length,
  }),
  contended: ({ amounts, writes, recomputedAt }) => ({
    writes,
    conflictsPerWrite: (amounts.writeConflicts + amounts.otherConflicts) / writes,
    failures: amounts.failures,
    recomputes: recomputedAt.length,
  }),
  subscribers: ({ amounts, countedMs }) => ({
    logEvents: amounts.logEvents,
    conflicts: amounts.writeConflicts + amounts.otherConflicts,
    seconds: countedMs / 1_000,
  }),
  bursts: ({ amounts, writes }) => ({ failures: amounts.failures, writes }),
};

const details = (section: readonly Measured[], name: string) =>
  grouped(section, ({ recording }) => DETAILS[name]?.(recording) ?? {});
const documents = (section: readonly Measured[]) => grouped(section, ({ recording }) => documentsOf(recording.amounts));

/** By strategy; by workload first, if the section has more than one. */
function grouped(section: readonly Measured[], figure: (measured: Measured) => number | Tree): Tree {
  const groups: Record<string, Tree> = {};
  for (const measured of section) {
    const name = workloadText(measured.workload);
    groups[name] = { ...groups[name], [measured.strategy]: figure(measured) };
  }
  const [only, ...more] = Object.values(groups);
  return only !== undefined && more.length === 0 ? only : groups;
}

function workloadText(workload: WorkloadName): string {
  if (workload.kind === "mix") {
    const { reads, itemsPerKey, keys } = workload;
    return keys === 1 ? String(itemsPerKey) : ratioText(reads / (1 - reads));
  }
  if (workload.kind === "dashboard") return workload.isNight ? "night" : "work";
  return workload.kind === "watched" ? String(workload.clients) : "";
}

/** Such as "1:10", one read for ten writes. */
export const ratioText = (ratio: number) => (ratio < 1 ? `1:${Math.round(1 / ratio)}` : `${Math.round(ratio)}:1`);

/** A month of the app with dashboards: without a view, and for each form of the view with each transport. */
function months(measured: readonly Measured[], { transports, dashboardForwards }: Figures): Tree {
  const use = { tail: transports.tail, forwards: dashboardForwards };
  const recordings = grouped(measured, ({ recording }) => ({
    ...recording.amounts,
    writes: recording.writes,
    recomputes: recording.recomputedAt.length,
    staleSeconds: recording.staleP99 / 1_000,
    megabytes: (recording.amounts.bytesRead + recording.amounts.bytesWritten) / 1e6,
  })) as unknown as Record<"work" | "night", Record<string, Hour>>;
  return each(recordings.work, (work, name) => {
    const night = recordings.night[name];
    if (night === undefined) return { ...monthWithout(work), hour: work };
    const byTransport = TRANSPORTS.map((transport) => [transport, monthWith(transport, { work, night }, use)]);
    const heartbeats = heartbeatsOf(night);
    return { ...Object.fromEntries(byTransport), hour: work, night, heartbeats };
  }) as unknown as Tree;
}

const taken = ([read, written, ranges]: Taken) => ({ read, written, ranges });

/** Maps the value of each property, and drops those that become undefined. */
const each = <T extends object, R>(values: T, to: (value: T[keyof T], name: string) => R) =>
  Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) => {
      const made = to(value as T[keyof T], name);
      return made === undefined ? [] : [[name, made]];
    }),
  ) as { [Name in keyof T]: Exclude<R, undefined> };

const byName = <T extends object>(values: readonly T[], nameOf: (value: T) => string) =>
  Object.fromEntries(values.map((value) => [nameOf(value), value]));

/** Rounds numbers: their last digits differ from machine to machine. */
const rounded = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value, (_, each) => (typeof each === "number" ? Number(each.toPrecision(9)) : each)));

function machine(): string {
  return `${cpus().length} × ${cpus()[0]?.model ?? "unknown"}`;
}
