import type { Envelope } from "../effects/transports/envelope.js";
import type { Sealed } from "./outbox.js";

/*
 * Many clients may see the same seals at once. The first client that forwards makes the others drop theirs, about two
 * latencies of the server later: one for its call, one for the new answer. So each client waits for a random delay. Its
 * distribution is that of the timers in multicast protocols (Nonnenmacher and Biersack, "Scalable feedback for large
 * groups", 1999): exponential towards the end of a span, so that few delays are short, however many clients draw one.
 * With the steepness s = ln n + 1, n clients, a span of m latencies, and silence two latencies after the first forward,
 * the expected number of forwards is
 *
 *   1 + (1 + 1/e) (e^(2s/m) - 1)
 *
 * For n = 200 and m = 12 that is 3.5; it is more than 20 in 4 of 10,000 cases.
 */
const STEEPNESS = Math.log(200) + 1;
const SPAN_LATENCIES = 12;
/** The span for a fast server, and the longest span. */
const MIN_SPAN_MS = 2_000;
const MAX_SPAN_MS = 300_000;

/**
 * Draws how long seals wait before they are forwarded, in ms.
 *
 * @param latencyMs - How long the server takes to answer.
 */
export function drawDelay(latencyMs: number): number {
  const spanMs = Math.min(Math.max(SPAN_LATENCIES * latencyMs, MIN_SPAN_MS), MAX_SPAN_MS);
  return Math.round((spanMs / STEEPNESS) * Math.log1p(Math.expm1(STEEPNESS) * Math.random()));
}

/** While the rows do not become fresh, seals are forwarded again after a minute, then after twice as long each time. */
const FIRST_REPEAT_MS = 60_000;
const MAX_REPEAT_MS = 3_600_000;

/** The parts of an answer that are forwarded. */
type Answer = Pick<Envelope, "seals" | "once" | "forward">;

const NOTHING: Answer = { seals: [], once: [], forward: "" };

/** One subscriber of a query. */
export interface Subscription {
  /** Takes the newest answer of the query; null for one without seals. */
  see(answer: Answer | null): void;
  end(): void;
}

/** Decides when the seals of subscribed queries are forwarded. */
export class Forwarder {
  private readonly queries = new Map<string, WatchedQuery>();

  /**
   * @param post - Forwards. It does not throw.
   * @param latencyMs - How long the server took for its last answer.
   */
  constructor(
    private readonly post: (sealed: Sealed) => void,
    private readonly latencyMs: () => number,
  ) {}

  /** @param key - A query with its arguments. All its subscribers share one delay. */
  subscribe(key: string): Subscription {
    let query = this.queries.get(key);
    if (query === undefined) {
      query = new WatchedQuery(this.post, this.latencyMs, () => this.queries.delete(key));
      this.queries.set(key, query);
    }
    return query.subscribe();
  }

  /** Forwards nothing any more. */
  close(): void {
    for (const query of this.queries.values()) query.cancel();
    this.queries.clear();
  }
}

/**
 * A query with its arguments. Its seals are forwarded once, after a random delay. Those of recomputes are forwarded
 * again and again while the answer has them and there is a subscriber, in case a forward was lost.
 *
 * - Another subscriber sees the same answer → changes nothing.
 * - An answer has no recomputes, so its rows are fresh → forwards no recompute any more.
 * - An answer has other recomputes → they replace those that are due, and keep their time. If these are forwarded
 *   already, a new delay begins.
 * - An answer has other effects → they stay due, whatever the next answer is, and are forwarded together with its
 *   recomputes.
 * - The last subscriber ends → what is due is still forwarded, because a subscriber has seen the answer. Repetitions
 *   end.
 */
class WatchedQuery {
  private subscribers = 0;
  private answer = NOTHING;
  /** The seals of the answer's recomputes. */
  private recomputes: readonly string[] = [];
  /** How often they were forwarded. */
  private forwards = 0;
  /** The seals of other effects, which are forwarded once. */
  private readonly others = new Set<string>();
  private path = "";
  private timer: ReturnType<typeof setTimeout> | undefined;
  /** Whether the timer is for a first forward, and not for a repetition. */
  private isDue = false;

  /** @param onEnd - Called when there is no subscriber any more, and nothing is due. */
  constructor(
    private readonly post: (sealed: Sealed) => void,
    private readonly latencyMs: () => number,
    private readonly onEnd: () => void,
  ) {}

  subscribe(): Subscription {
    this.subscribers++;
    return {
      see: (answer) => this.see(answer ?? NOTHING),
      end: () => {
        this.subscribers--;
        if (this.subscribers > 0 || this.isDue) return;
        this.cancel();
        this.onEnd();
      },
    };
  }

  cancel(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.isDue = false;
  }

  private see(answer: Answer): void {
    if (answer === this.answer) return;
    this.answer = answer;
    if (answer.forward !== "") this.path = answer.forward;
    for (const seal of answer.once) this.others.add(seal);
    const isNew = !isSame(answer.seals, this.recomputes);
    this.recomputes = answer.seals;
    if (isNew) this.forwards = 0;
    const hasRecomputes = answer.seals.length > 0;
    if (this.others.size > 0 || (hasRecomputes && (isNew || this.isDue))) {
      if (!this.isDue) this.begin();
    } else if (!hasRecomputes) this.cancel();
  }

  private begin(): void {
    this.cancel();
    this.isDue = true;
    this.forwardAfter(drawDelay(this.latencyMs()));
  }

  private forwardAfter(delayMs: number): void {
    this.timer = setTimeout(() => this.forward(), delayMs);
  }

  private forward(): void {
    this.cancel();
    this.post({ seals: [...this.others, ...this.recomputes], forward: this.path });
    this.others.clear();
    if (this.subscribers === 0) {
      this.onEnd();
      return;
    }
    if (this.recomputes.length === 0) return;
    const repeatMs = Math.min(FIRST_REPEAT_MS * 2 ** this.forwards, MAX_REPEAT_MS);
    this.forwards++;
    this.forwardAfter(repeatMs * (0.5 + Math.random() / 2));
  }
}

function isSame(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((seal, index) => seal === b[index]);
}
