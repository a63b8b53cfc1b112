import type { Envelope } from "../effects/transports/envelope.js";
import type { Sealed } from "./outbox.js";

/**
 * The longest delay before a subscribed query's seals are forwarded. The delay is `sqrt(random)` of it, so that of
 * many subscribers few have a short one: the first that forwards makes the row fresh before most others' turn.
 */
const MAX_DELAY_MS = 2_000;

/** Then, while nothing comes of it, again after a minute, and after twice as long each time, up to an hour. */
const FIRST_REPEAT_MS = 60_000;
const MAX_REPEAT_MS = 3_600_000;

/** What of an answer is forwarded. */
type Answer = Omit<Envelope, "value">;

const NOTHING: Answer = { seals: [], once: [], forward: "" };

/** One subscriber of a query. */
export interface Subscription {
  /** Tells the query's newest answer; null for one without seals. */
  see(answer: Answer | null): void;
  end(): void;
}

/** Decides when the seals of subscribed queries are forwarded. */
export class Forwarder {
  private readonly queries = new Map<string, WatchedQuery>();

  /** @param post - Forwards; it does not throw. */
  constructor(private readonly post: (sealed: Sealed) => void) {}

  /** @param key - Names a query and its arguments: all that subscribe to the same count as one. */
  subscribe(key: string): Subscription {
    let query = this.queries.get(key);
    if (query === undefined) {
      query = new WatchedQuery(this.post, () => this.queries.delete(key));
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
 * A query and its arguments. Seals are forwarded once after a random delay. Those of recomputes are forwarded again
 * while they stay the answer and somebody is subscribed: one that got lost heals.
 *
 * - The same answer, told by another subscriber, changes nothing.
 * - An answer without recomputes says that the rows are fresh: none is forwarded, nor repeated.
 * - One with other recomputes takes the place of those that are due, at the time they were due; after they were
 *   forwarded, it begins anew.
 * - Effects that are no recomputes stay due, whatever the next answer is, and go along with them.
 * - When the last subscriber goes, what is due stays due, since somebody has seen the answer, and repetitions end.
 */
class WatchedQuery {
  private subscribers = 0;
  private answer = NOTHING;
  /** The recomputes of the answer. */
  private recomputes: readonly string[] = [];
  /** How often they were forwarded. */
  private forwards = 0;
  /** Seals that are to be forwarded once. */
  private readonly others = new Set<string>();
  private path = "";
  private timer: ReturnType<typeof setTimeout> | undefined;
  /** Whether the timer is that of a first forward. */
  private isDue = false;

  /** @param onEnd - Told when nobody is subscribed, and nothing is due. */
  constructor(
    private readonly post: (sealed: Sealed) => void,
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
    this.forwardAfter(MAX_DELAY_MS * Math.sqrt(Math.random()));
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
