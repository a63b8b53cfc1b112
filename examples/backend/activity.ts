/** Counts the work that runs in the backend. */
export class Activity {
  private running = 0;
  private waiting: (() => void)[] = [];

  get idle(): boolean {
    return this.running === 0;
  }

  /** Counts as busy until the returned function is called. */
  begin(): () => void {
    this.running++;
    return () => {
      this.running--;
      if (this.running > 0) return;
      for (const resolve of this.waiting.splice(0)) resolve();
    };
  }

  /** Counts as busy while `work` runs. */
  async track<T>(work: () => Promise<T>): Promise<T> {
    const end = this.begin();
    try {
      return await work();
    } finally {
      end();
    }
  }

  /** Resolves when nothing runs. */
  async settled(): Promise<void> {
    while (this.running > 0) await new Promise<void>((resolve) => this.waiting.push(resolve));
  }
}
