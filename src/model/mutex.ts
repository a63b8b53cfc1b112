/**
 * Turns of the microtask queue in which the code that awaits one operation may begin the next: of a mutation that has
 * had several on their way at once, and of one that awaited each before the next.
 */
const SETTLING_TURNS = 16;
const FEW_TURNS = 2;

/**
 * What one mutation does to rows and sources, one piece of work after the other: a mutation may run its writes side by
 * side, and each has to be told before the next one begins.
 */
export class Mutex {
  /** The last work that has its turn, or waits for it. */
  private last: Promise<unknown> | undefined;
  private begun = 0;
  private running = 0;
  private mostRunning = 0;
  private onIdle: (() => void) | undefined;
  private isClosed = false;

  /**
   * Runs work when all work before it is done.
   *
   * @throws What the work throws; or an Error when the mutation has ended.
   */
  run<T>(work: () => Promise<T>): Promise<T> {
    return this.track(() => {
      const own = this.last === undefined ? work() : this.last.then(work, work);
      this.last = own;
      return own;
    });
  }

  /**
   * Runs work at once, and knows that it is on its way.
   *
   * @throws As `run`.
   * @returns A promise of its own, so that a failure that the app does not await stays unhandled, as it is without us.
   */
  track<T>(work: () => Promise<T>): Promise<T> {
    if (this.isClosed) {
      const message = "The database was used after its mutation had ended: await what you begin.";
      return Promise.reject(new Error(message));
    }
    this.begun++;
    this.running++;
    this.mostRunning = Math.max(this.mostRunning, this.running);
    const own = work();
    return own.then(
      (result) => {
        this.end(own);
        return result;
      },
      (error) => {
        this.end(own);
        throw error;
      },
    );
  }

  private end(work: Promise<unknown>): void {
    if (this.last === work) this.last = undefined;
    this.running--;
    if (this.running === 0) this.onIdle?.();
  }

  /** Waits for work that was begun and that the app has not awaited, and for what follows from it; then takes no more. */
  async close(): Promise<void> {
    let seen: number | undefined;
    // An operation that is on its way now was not awaited.
    this.mostRunning += this.running;
    while (this.running > 0 || seen !== this.begun) {
      seen = this.begun;
      if (this.running > 0) {
        await new Promise<void>((resolve) => {
          this.onIdle = resolve;
        });
      }
      const turns = this.mostRunning > 1 ? SETTLING_TURNS : FEW_TURNS;
      for (let i = 0; i < turns && this.running === 0; i++) await null;
    }
    this.isClosed = true;
  }
}
