import { type Advised, adviceErrors } from "./advise/measure";
import type { IdleFigures } from "./costs/idle";
import type { FloodFigures } from "./flood";
import type { ForwardFigures } from "./forwards";
import type { HitFigures } from "./hit";
import type { HostileBodyFigures } from "./hostileBody";
import { atMost, exactly, formatNumber, type Line, plain, section } from "./lines";
import type { Figures } from "./measurements";
import type { OverheadFigures } from "./overhead";
import type { Sizes } from "./sizes";
import type { StartupFigures } from "./startup/startup";
import { trackingSection } from "./tracking/report";
import type { TransportFigures } from "./transports/measure";
import { type Month, monthsOf } from "./transports/months";
import type { WriteFigures } from "./writes";

/** The figures and their goals as tables: a section for each measurement that is complete. */
export function formatReport(figures: Partial<Figures>, sizes: Sizes): string[] {
  const {
    hit,
    storm,
    fanout,
    writes,
    tracking,
    forwards,
    dashboardForwards,
    hostileBody,
    overhead,
    startup,
    idle,
    advice,
    transports,
  } = figures;
  return [
    hit && hitSection(hit),
    storm && stormSection(storm),
    fanout && fanoutSection(fanout, sizes.fanout.keys),
    writes && writesSection(writes),
    tracking && trackingSection(tracking),
    forwards && forwardsSection(forwards, dashboardForwards ?? Number.NaN),
    transports && transportsSection(transports),
    hostileBody && hostileBodySection(hostileBody),
    overhead && overheadSection(overhead),
    startup && startupSection(startup),
    idle && idleSection(idle),
    advice && adviceSection(advice),
  ].filter((text) => text !== undefined);
}

function hitSection(hit: HitFigures): string {
  return section("A hit: what reading a fresh row takes", [
    exactly("hit.documentsRead", hit.documentsRead, 1, "documents read"),
    exactly("hit.indexRanges", hit.indexRanges, 1, "index ranges read"),
    exactly("hit.documentsWritten", hit.documentsWritten, 0, "documents written"),
    exactly("hit.effects", hit.effects, 0, "effects raised"),
    exactly("hit.documentsReadLarge", hit.documentsReadLarge, 1, "… for a value of many documents"),
    plain(
      "hit.documentsReadLargeWithoutView",
      hit.documentsReadLargeWithoutView,
      "… when the query computes it itself",
    ),
    atMost("hit.timeRatio", hit.timeRatio, 1.2, "time of view.get / time of the bare .unique()"),
    plain("hit.viewMicroseconds", hit.viewMicroseconds, "one view.get, in convex-test"),
    plain("hit.bareMicroseconds", hit.bareMicroseconds, "one bare .unique() of the same row"),
  ]);
}

function stormSection(storm: FloodFigures): string {
  return section("A storm: stale reads of one key, their log lines in batches, shuffled, some twice", [
    ...floodLines("storm", storm),
    exactly("storm.recomputes", storm.recomputes, 1, "executions of compute"),
  ]);
}

function fanoutSection(fanout: FloodFigures, keys: number): string {
  return section("A fan-out: the same with many keys", [
    ...floodLines("fanout", fanout),
    exactly("fanout.recomputes", fanout.recomputes, keys, "executions of compute, one a key"),
    plain("fanout.documentsWritten", fanout.documentsWritten, "documents written by dispatches"),
  ]);
}

function floodLines(name: string, figures: FloodFigures): Line[] {
  return [
    plain(`${name}.staleReads`, figures.staleReads, "query executions that found a stale row"),
    plain(`${name}.messages`, figures.messages, `delivered, in ${figures.batches} batches`),
    exactly(
      `${name}.duplicateDocumentsWritten`,
      figures.duplicateDocumentsWritten,
      0,
      `documents written by the ${figures.duplicateBatches} batches that held no new effect`,
    ),
    exactly(`${name}.keysLeftStale`, figures.keysLeftStale, 0, "keys not fresh in the end"),
  ];
}

function writesSection({ cleanWrite, staleWrite }: Figures["writes"]): string {
  return section(
    "A source write: what the view adds to the same mutation with an empty trigger on the table",
    [
      ...writeLines("cleanWrite", cleanWrite, { read: 1, written: 1 }),
      ...writeLines("staleWrite", staleWrite, { read: 1, written: 0 }),
    ],
    "extraRead and extraWritten count distinct documents. The raw metrics of ctx.meta.getTransactionMetrics() count a\n" +
      "document twice when Convex's patch reads it again.",
  );
}

function writeLines(
  name: string,
  { extraRead, extraWritten, metrics }: WriteFigures,
  goal: { read: number; written: number },
): Line[] {
  return [
    exactly(`${name}.extraRead`, extraRead, goal.read, "documents read"),
    exactly(`${name}.extraWritten`, extraWritten, goal.written, "documents written"),
    plain(`${name}.metrics.extraRead`, metrics.extraRead, "… read, by the raw metrics"),
    plain(`${name}.metrics.extraWritten`, metrics.extraWritten, "… written, by the raw metrics"),
  ];
}

function forwardsSection(forwards: ForwardFigures, dashboardForwards: number): string {
  return section("The transport client: two invalidations of a row that many clients are subscribed to", [
    plain("forwards.clients", forwards.clients, "clients, with no log stream"),
    atMost("forwards.forwards", forwards.forwards, 20, "calls that carried effects back"),
    atMost(
      "forwards.forwardsInsideWindow",
      forwards.forwardsInsideWindow,
      20,
      "… when its recompute waits for the window's end",
    ),
    atMost("forwards.slowServer", forwards.slowServer, 20, "… when the server takes 10 s for every answer"),
    plain("dashboardForwards", dashboardForwards, "… of ten clients for one stale row, on average"),
    exactly("forwards.recomputes", forwards.recomputes, 2, "recomputes"),
    exactly("forwards.clientsLeftStale", forwards.clientsLeftStale, 0, "clients not fresh in the end"),
  ]);
}

function transportsSection({ subscribers, freshAfterMs, tail }: TransportFigures): string {
  const { logTail, logTailStarting, logStream, client } = freshAfterMs;
  const lines = section(
    `Transports: from a write to its new value at ${subscribers} subscribers, the median in ms; and what the log tail takes`,
    [
      atMost("transports.logTail", Math.round(logTail), 1_500, "ms by logTail"),
      plain("transports.logTailStarting", Math.round(logTailStarting), "… when no tail reads the log"),
      plain("transports.logStream", Math.round(logStream), "ms by logStream, which delivers every 5 s"),
      plain("transports.client", Math.round(client), "ms by client"),
      exactly("transports.idleCalls", tail.anIdleSecond.calls, 0, "calls of an idle deployment"),
      plain("transports.callsAWrite", tail.aWrite.calls, "calls for a write on its own"),
      plain("transports.secondsAWrite", tail.aWrite.seconds, "… seconds of action"),
      plain("transports.callsAHeartbeat", tail.aHeartbeat.calls, "calls for a heartbeat on its own"),
      plain(
        "transports.callsABusySecond",
        tail.aBusySecond.calls,
        `calls a second, at ${Math.round(tail.aBusySecond.writes)} writes a second`,
      ),
    ],
    "By these counts, in 30 days, at Convex's list prices beyond what the plans include:",
  );
  return [lines, ...monthsOf(tail).map(formatMonth)].join("\n");
}

function formatMonth({ load, calls, seconds, gbHours, ofFree, dollarsStarter, dollarsProfessional }: Month): string {
  const amounts = [calls, seconds].map((amount) => formatNumber(Math.round(amount)).padStart(9));
  return [
    `   ${load.padEnd(34)}`,
    `${amounts[0]} calls  ${amounts[1]} s of action, ${gbHours.toFixed(1).padStart(4)} GB-hours`,
    `${Math.round(ofFree * 100)} % of Free, $${dollarsStarter.toFixed(2)} Starter, $${dollarsProfessional.toFixed(2)} Pro`,
  ].join("  ");
}

function hostileBodySection({ megabytes, timeRatio }: HostileBodyFigures): string {
  return section(`A hostile delivery: ${megabytes} MB of what looks like sealed effects, in the worst of three forms`, [
    atMost("hostileBody.timeRatio", timeRatio, 3, "CPU time to answer it / a harmless one of the same form"),
  ]);
}

function overheadSection(overhead: OverheadFigures): string {
  return section(
    "Time: an operation of the library over the bare one, side by side in convex-test",
    [
      plain("overhead.hitQuery", overhead.hitQuery, "a query that finds a fresh row"),
      plain("overhead.staleQuery", overhead.staleQuery, "… a stale row, and seals its effect"),
      atMost("overhead.sourceWrite", overhead.sourceWrite, 1.6, "a mutation that changes a source"),
      plain("overhead.newEffect", overhead.newEffect, "an effect that is new, of 50 at a time"),
      plain("overhead.repeatedEffect", overhead.repeatedEffect, "… that was dispatched before"),
    ],
    "The bare one of a hit and of a stale read is a query that reads the row; of a write, the raw mutation; of an\n" +
      "effect, a mutation that looks for a document (and writes one, and schedules a function).",
  );
}

function startupSection(startup: StartupFigures): string {
  return section(
    "Startup: what Convex evaluates anew before each function, in an app of one view",
    [
      atMost("startup.bundleBytes", startup.bundleBytes, 45_000, "minified bytes of the library"),
      atMost(
        "startup.timeRatio",
        startup.timeRatio,
        1.5,
        "time to compile and evaluate the app / the same app without the library",
      ),
      plain("startup.timeRatioCached", startup.timeRatioCached, "… from a code cache"),
      plain("startup.lazyMicroseconds", startup.lazyMicroseconds, "the app, from its source"),
      plain("startup.plainMicroseconds", startup.plainMicroseconds, "the one without the library"),
    ],
    "The bytes are those of its own files and of what it imports of convex-helpers, without the package convex, which\n" +
      "the app without it evaluates too.",
  );
}

function idleSection(idle: IdleFigures): string {
  return section("The idle clock: what a row costs in evictAfter, beside what its readers see", [
    atMost("idle.watchedRowWrites", idle.watchedRowWrites, 2, "writes of a row that is watched"),
    plain("idle.watchedDocumentsWritten", idle.watchedDocumentsWritten, "… and documents written in all"),
    plain("idle.watchedFunctionCalls", idle.watchedFunctionCalls, "… in function calls"),
    plain("idle.inventedKeys", idle.inventedKeys, "keys that were read once"),
    atMost("idle.inventedRowWrites", idle.inventedRowWrites, 2, "writes of such a row, with its deletion"),
    plain("idle.inventedFunctionCalls", idle.inventedFunctionCalls, "… in function calls, for all of them"),
    atMost("idle.inventedGoneAfter", idle.inventedGoneAfter, 1.1, "when the last is gone, in parts of evictAfter"),
    plain("idle.mostWritten", idle.mostWritten, "the most documents that one transaction wrote"),
  ]);
}

function adviceSection(advice: Advised[]): string {
  const { least, most, wrong } = adviceErrors(advice);
  return section(
    "Advice: the documents that `advise` predicts for a view from a query's log, over those that a view then takes",
    [
      ...advice.map(({ workload, verdict, inQuery, predicted, measured }) =>
        plain(
          `advice: ${workload}`,
          predicted / measured,
          `${measured} measured, ${inQuery} in the query: "${verdict}"`,
        ),
      ),
      atMost("advice.most", most, 3, "the most of them"),
      plain("advice.least", least, "the least"),
      exactly("advice.wrong", wrong, 0, "recommended views that take more documents than the query"),
    ],
  );
}
