const FEW_TURNS = 2; // Turns of the microtask queue in which the code that awaits one operation may begin the next.
const SETTLING_TURNS = 16; // The same, in a mutation that has had several on their way at once.

/** What one mutation does to rows and sources, one piece of work after the other: apps may write side by side. */
export class Mutex {
  /** The last work that has its turn, or waits for it. */
  #last: Promise<unknown> | undefined;
  #begun = 0;
  #running = 0;
  /** Whether several operations were on their way at once, or one that the app did not await. */
  #isSideBySide = false;
  #onIdle: (() => void) | undefined;
  #isClosed = false;

  /** Runs work when all work before it is done. Throws what that throws, or an Error when the mutation has ended. */
  run<T>(work: () => Promise<T>): Promise<T> {
    return this.track(() => {
      const own = this.#last === undefined ? work() : this.#last.then(work, work);
      this.#last = own;
      return own;
    });
  }

  /** Resolves when the work is done that was begun before; undefined when all is. */
  get idle(): Promise<unknown> | undefined {
    return this.#last?.catch(() => {});
  }

  /** Runs work at once, and knows of it. A failure that the app does not await stays unhandled, as without the mutex. */
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

  /** Waits for what the app has not awaited, and for what follows from it; then takes no more. */
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
