import { convexToJson, type JSONValue, jsonToConvex, type Value } from "convex/values";
import { allSeals, isEnvelope } from "../../src/client/envelope.js";
import { type SubscribedQueries, type SubscribedQuery, valueIn } from "../../src/client/subscribedQueries.js";
import { MARK } from "../../src/effects/transports/envelope.js";
import type { Deployment } from "./app.js";
import type { Backend, Ended } from "./engine/backend.js";
import type { Choices } from "./engine/choices.js";
import type { Loop } from "./engine/loop.js";
import type { Globals, Program } from "./engine/program.js";
import type { Subscriptions } from "./engine/subscriptions.js";
import { must, Violation } from "./invariants/violation.js";
import type { ChosenWeather } from "./weather.js";

/** A client gives up a call after this time. A message that is still on its way may arrive all the same. */
const TIMEOUT_MS = 30_000;

/** The number of the first page that no step of a history names. */
const FIRST_OTHER_PAGE = 1_000;

/** The query that pages subscribe to. */
const PATH = "app:read";

type Answer = { value: Value } | { error: Error };

/** A subscription, with the answer that the page holds. */
interface Held {
  args: JSONValue;
  answer: Answer | null;
  onChange: () => void;
}

/** A page: the library's wrapper of its client, and what that client subscribes to. */
type Page = { queries: SubscribedQueries; held: Set<Held> };

/** What the pages need from the simulation. */
export interface ClientServices {
  /** The app's code. A page runs the part of it that is for clients. */
  program: Program;
  backend: Backend<Deployment>;
  subscriptions: Subscriptions<Deployment>;
  loop: Loop;
  choices: Choices;
  weather: ChosenWeather;
  check(work: () => void): void;
  /** Called when seals are forwarded; returns a function that is called when they have arrived. */
  onForward(seals: readonly string[]): () => void;
}

/**
 * Pages that subscribe to queries, and forward the effects that these raise. Each page runs the library's own client
 * wrapper, with the history's clock and random numbers. Its calls may be lost, late, or arrive twice.
 */
export class Clients {
  private readonly pages = new Map<number, Page>();
  /** The functions that end the subscriptions, one for each page and group. */
  private readonly open = new Map<string, { group: string; end: () => void }>();
  private code: { SubscribedQueries: typeof SubscribedQueries } | undefined;

  constructor(private readonly services: ClientServices) {}

  /** The groups that a page is subscribed to. */
  get watched(): Set<string> {
    return new Set([...this.open.values()].map(({ group }) => group));
  }

  subscribe(client: number, group: string): void {
    const name = `${client} ${group}`;
    if (this.open.has(name)) return;
    const page = this.pageOf(client);
    const query = this.queryOf(page, group);
    const end = page.queries.subscribe(query, () => this.look(page, query));
    this.open.set(name, { group, end });
  }

  leave(client: number, group: string): void {
    const name = `${client} ${group}`;
    this.open.get(name)?.end();
    this.open.delete(name);
  }

  /** Asks once, and forwards at once, unless the page is subscribed already. */
  ask(client: number, group: string): void {
    const page = this.pageOf(client);
    page.queries
      .once(this.queryOf(page, group))
      .then((value) => this.services.check(() => checkShown(value)))
      .catch(() => {}); // Errors of the query itself are checked elsewhere.
  }

  /** Asks once, on a page that is opened for it. */
  askAnew(group: string): void {
    this.ask(this.pages.size + FIRST_OTHER_PAGE, group);
  }

  private look({ queries }: Page, query: SubscribedQuery): void {
    let value: Value | undefined;
    try {
      value = queries.read(query);
    } catch {
      return;
    }
    this.services.check(() => checkShown(value));
  }

  /** The query of a group, as a page's client subscribes to it. */
  private queryOf(page: Page, group: string): SubscribedQuery {
    const { subscriptions, loop } = this.services;
    return {
      name: PATH,
      args: { group },
      subscribe: (args, onChange) => {
        const held: Held = { args: args as JSONValue, answer: null, onChange };
        page.held.add(held);
        const end = subscriptions.subscribe(PATH, held.args, () => this.update(page));
        loop.at(loop.now, () => this.update(page));
        return () => {
          page.held.delete(held);
          end();
        };
      },
      result: (args) => {
        const name = JSON.stringify(args);
        const held = [...page.held].find((each) => JSON.stringify(each.args) === name);
        if (held?.answer === undefined || held.answer === null) return undefined;
        if ("error" in held.answer) throw held.answer.error;
        return held.answer.value;
      },
    };
  }

  /** As in Convex: all answers that a page holds are of one snapshot, and the page is notified of those that changed. */
  private update({ held }: Page): void {
    const { subscriptions } = this.services;
    const results = [...held].map((each) => [each, subscriptions.resultOf(PATH, each.args)?.result] as const);
    if (results.some(([, result]) => result === undefined)) return;
    const changed = results.filter(([{ answer }, result]) => textOf(answer) !== textOf(result ?? null));
    for (const [each, result] of changed) {
      if (result !== undefined) each.answer = "error" in result ? result : { value: jsonToConvex(result.value) };
    }
    for (const [{ onChange }] of changed) onChange();
  }

  private pageOf(client: number): Page {
    this.code ??= this.services.program(this.globals()) as typeof this.code & {};
    let page = this.pages.get(client);
    if (page === undefined) {
      const queries = new this.code.SubscribedQueries((forward, seals) => this.call(forward, seals));
      page = { queries, held: new Set() };
      this.pages.set(client, page);
    }
    return page;
  }

  private call(forward: string, seals: string[]): Promise<void> {
    const { loop, weather, backend, onForward } = this.services;
    const onArrival = onForward(seals);
    const delays = seals.every((seal) => weather.isLost(seal)) ? [] : weather.forwardFate();
    return new Promise((resolve, reject) => {
      for (const delay of delays) {
        loop.at(loop.now + delay, () => {
          const call = backend.mutation(forward, { seals }).then(onArrival);
          call.then(resolve, reject);
        });
      }
      if (!delays.some((delay) => delay < TIMEOUT_MS)) {
        loop.at(loop.now + TIMEOUT_MS, () => reject(new Error("No answer.")));
      }
    });
  }

  private globals(): Globals {
    const { loop, choices } = this.services;
    class PageDate extends Date {
      static override now = () => loop.now;
    }
    return {
      console: { warn: () => {} },
      Date: PageDate as unknown as DateConstructor,
      Math: Object.create(Math, { random: { value: () => choices.pick(1_000) / 1_000 } }),
      performance: { now: () => loop.now },
      setTimeout: (fire: () => void, ms: number) => {
        const timer = { isOn: true };
        loop.at(loop.now + ms, () => timer.isOn && fire());
        return timer;
      },
      clearTimeout: (timer: { isOn: boolean } | undefined) => {
        if (timer !== undefined) timer.isOn = false;
      },
      process: { env: {} },
    } as unknown as Globals;
  }
}

function textOf(answer: Answer | { value: JSONValue } | null): string | null {
  if (answer === null) return null;
  return "error" in answer ? answer.error.message : JSON.stringify(convexToJson(answer.value));
}

/** A page shows the query's plain value, without envelope and seals. */
function checkShown(value: Value | undefined): void {
  const isAnswer = value === undefined || (typeof value === "object" && value !== null && "state" in value);
  must(isAnswer, () => `A page shows ${JSON.stringify(value)}.`);
}

/** The answer that an unmarked call would get, and the seals that came with it. */
export function opened(ended: Ended<Deployment>): { plain: Ended<Deployment>; seals: string[] | null } {
  const { [MARK]: mark, ...args } = ended.args as Record<string, JSONValue>;
  if (mark === undefined || "error" in ended.result) return { plain: { ...ended, args }, seals: null };
  const answer = jsonToConvex(ended.result.value);
  if (!isEnvelope(answer)) throw new Violation(`A page was answered ${JSON.stringify(ended.result.value)}.`);
  const result = { value: convexToJson(valueIn(answer)) };
  return { plain: { ...ended, args, result }, seals: allSeals(answer).seals };
}

/** An answer that is not fresh carries the effect of its recompute, unless the row says that one is on its way. */
export function checkSeals(
  { result, args }: Ended<Deployment>,
  seals: readonly string[],
  row: { pendingUntil?: number } | undefined,
): void {
  if ("error" in result) return;
  const { state } = result.value as { state: string };
  const { group } = args as { group: string };
  const isSilent = row?.pendingUntil !== undefined;
  must(!isSilent || seals.length === 0, () => `The announced row ${group} was asked for.`);
  must(state === "fresh" || isSilent || seals.length > 0, () => `The ${state} row ${group} was not asked for.`);
}
