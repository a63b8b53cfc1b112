const FEW_TURNS = 2; // After so many turns of the microtask queue, code that awaits one operation has begun its next.
const SETTLING_TURNS = 16; // The same, in a mutation that has had several operations under way at once.

/** Runs what one mutation does to rows and sources one after the other, also where the app does not await it. */
export class Mutex {
  /** The last work that has its turn, or waits for it. */
  #last: Promise<unknown> | undefined;
  #begun = 0;
  #running = 0;
  /** Whether several operations were under way at once, or one that the app did not await. */
  #isSideBySide = false;
  #onIdle: (() => void) | undefined;
  #isClosed = false;

  /** Runs work when all earlier work is done. @throws What the work throws; Error, when the mutation has ended. */
  run<T>(work: () => Promise<T>): Promise<T> {
    return this.track(() => {
      const own = this.#last === undefined ? work() : this.#last.then(work, work);
      this.#last = own;
      return own;
    });
  }

  /** Resolves when all work so far is done; undefined when it is done already. */
  get idle(): Promise<unknown> | undefined {
    return this.#last?.catch(() => {});
  }

  /** Runs work at once, and counts it. A failure that the app does not await stays unhandled, as without the mutex. */
  async track<T>(work: () => Promise<T>): Promise<T> {
    if (this.#isClosed) throw new Error("ctx was used after its mutation had ended: await each call.");
    this.#begun++;
    if (this.#running++ > 0) this.#isSideBySide = true;
    let own: Promise<T> | undefined;
    try {
      own = work();
      return await own;
    } finally {
      if (this.#last === own) this.#last = undefined;
      this.#running--;
      if (this.#running === 0) this.#onIdle?.();
    }
  }

  /** Waits for operations that the app has not awaited, and for those that follow from them. Later ones throw. */
  async close(): Promise<void> {
    let seen: number;
    if (this.#running > 0) this.#isSideBySide = true;
    do {
      seen = this.#begun;
      if (this.#running > 0) {
        await new Promise<void>((resolve) => {
          this.#onIdle = resolve;
        });
      }
      const turns = this.#isSideBySide ? SETTLING_TURNS : FEW_TURNS;
      for (let i = 0; i < turns && this.#running === 0; i++) await null;
    } while (this.#running > 0 || seen !== this.#begun);
    this.#isClosed = true;
  }
}
