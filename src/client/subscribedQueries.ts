import { convexToJson, type Value } from "convex/values";
import { marked } from "../effects/transports/envelope.js";
import type { Args } from "./askOnce.js";
import { allSeals, isEnvelope, isMarkable } from "./envelope.js";
import { Forwarder, type Subscription } from "./forwarder.js";
import { type CallForward, Outbox } from "./outbox.js";
import { mayBeRefusal, PlainQueries } from "./plainQueries.js";

/** A query with its arguments, and how a client subscribes to it, with the mark or without. */
export interface SubscribedQuery {
  name: string;
  args: Args;
  /** Subscribes with these arguments. */
  subscribe(args: Args, onChange: () => void): () => void;
  /**
   * The answer that the client has for these arguments; undefined while it has none.
   *
   * @throws The error of the query.
   */
  result(args: Args): Value | undefined;
}

/** What it takes to read the answer that a client holds. */
type Held = Pick<SubscribedQuery, "args" | "result">;

/**
 * The queries of a client that subscribes. It subscribes with the mark, takes the values out of the envelopes, and
 * forwards the seals.
 *
 * While the marked query fails, the client also subscribes without the mark. Both answers are of the same time. So if
 * the plain one works, and the marked one may have failed because of the mark, the query refuses the mark: from then on
 * it counts as plain. Otherwise, the answer or the error of the plain one counts, and both subscriptions stay, because
 * the marked query may work after the next change of the data.
 */
export class SubscribedQueries {
  private readonly plain = new PlainQueries();
  private readonly outbox = new Outbox();
  private readonly forwarder: Forwarder;

  constructor(private readonly call: CallForward) {
    this.forwarder = new Forwarder(
      (sealed) => this.outbox.post(sealed, call),
      () => this.outbox.latencyMs,
    );
  }

  /** @returns Ends the subscription. */
  subscribe(query: SubscribedQuery, onChange: () => void): () => void {
    return this.follow(query, onChange, this.forwarder.subscribe(keyOf(query)));
  }

  /** Calls a query once, and forwards its seals at once. */
  async once(query: SubscribedQuery): Promise<Value | undefined> {
    const known = this.read(query);
    if (known !== undefined) return known;
    return await new Promise((resolve, reject) => {
      const answered = () => {
        stop();
        try {
          resolve(this.read(query));
        } catch (error) {
          reject(error);
        }
      };
      const stop = this.follow(query, answered, {
        see: (answer) => answer && this.outbox.post(allSeals(answer), this.call),
        end: () => {},
      });
    });
  }

  /** The value that the client has; undefined while it has none. @throws The error of the query. */
  read(query: Held): Value | undefined {
    if (!isMarkable(query.args)) return query.result(query.args);
    const { answer } = look(query, marked(query.args));
    return answer === undefined ? query.result(query.args) : valueIn(answer);
  }

  /** Ends forwarding. The next reader raises again what is not forwarded yet. */
  close(): void {
    this.forwarder.close();
  }

  private follow(query: SubscribedQuery, onChange: () => void, forwards: Subscription): () => void {
    if (this.plain.has(query)) {
      const stop = query.subscribe(query.args, onChange);
      return () => {
        stop();
        forwards.end();
      };
    }
    const markedArgs = marked(query.args);
    let stopMarked: (() => void) | undefined;
    let stopPlain: (() => void) | undefined;
    let isPlain = false;
    /** When the query was called, to measure the latency; undefined when that is done. */
    let askedAt: number | undefined;

    /** Looks at the newest answers. Returns whether the subscriber must be called. */
    const judge = (): boolean => {
      if (isPlain) return true;
      const { answer, error } = look(query, markedArgs);
      const isAnswered = answer !== undefined || error !== undefined;
      if (isAnswered && askedAt !== undefined) {
        this.outbox.latencyMs = Date.now() - askedAt;
        askedAt = undefined;
      }
      forwards.see(isEnvelope(answer) ? answer : null);
      if (error === undefined) {
        if (answer !== undefined) stopPlain = void stopPlain?.();
        return true;
      }
      stopPlain ??= query.subscribe(query.args, update);
      const plain = look(query, query.args);
      if (plain.answer !== undefined && mayBeRefusal(error)) {
        isPlain = true;
        this.plain.add(query.name);
        stopMarked = void stopMarked?.();
      }
      return plain.error !== undefined || plain.answer !== undefined;
    };
    const update = () => {
      if (judge()) onChange();
    };

    const held = look(query, markedArgs);
    if (held.answer === undefined && held.error === undefined) askedAt = Date.now();
    stopMarked = query.subscribe(markedArgs, update);
    judge(); // Another subscriber may have the answer already: then no change follows.
    return () => {
      stopMarked?.();
      stopPlain?.();
      forwards.end();
    };
  }
}

/** The value in the answer of a marked query. A plain query that accepts any argument answers with the value itself. */
export function valueIn(answer: Value): Value {
  return isEnvelope(answer) ? answer.value : answer;
}

function look(query: Held, args: Args): { answer?: Value | undefined; error?: unknown } {
  try {
    return { answer: query.result(args) };
  } catch (error) {
    return { error };
  }
}

function keyOf({ name, args }: SubscribedQuery): string {
  return `${name} ${JSON.stringify(convexToJson(args))}`;
}
