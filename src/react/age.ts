const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/**
 * How old a value is, in ms, rounded down to what a reader is shown: to whole seconds in the first minute, then to whole
 * minutes, and from an hour on to whole hours. A store for `useSyncExternalStore`.
 */
export class Age {
  private ms: number | undefined;

  /** @param computedAt - In ms since 1970. */
  constructor(private readonly computedAt: number) {}

  /** Returns the same age until a subscriber has been told of another one: React may read it twice in a render. */
  readonly read = (): number => {
    this.ms ??= this.now().ms;
    return this.ms;
  };

  /** Calls back when the age has changed. @returns A function that stops it. */
  readonly subscribe = (onChange: () => void): (() => void) => {
    let timer: ReturnType<typeof setTimeout>;
    const look = () => {
      const { ms, changesInMs } = this.now();
      if (ms !== this.ms) {
        this.ms = ms;
        onChange();
      }
      // Timers stop while a computer sleeps: one of an hour could end hours late.
      timer = setTimeout(look, Math.min(changesInMs, MINUTE));
    };
    look();
    return () => clearTimeout(timer);
  };

  /** The age now, and the time until it changes. It is 0 where this clock is behind the server's. */
  private now(): { ms: number; changesInMs: number } {
    const exact = Math.max(0, Date.now() - this.computedAt);
    const unit = exact < MINUTE ? SECOND : exact < HOUR ? MINUTE : HOUR;
    return { ms: exact - (exact % unit), changesInMs: unit - (exact % unit) };
  }
}

/** `3 seconds ago`, `1 minute ago`, in the language of a locale; `now` in the first second. */
export function ago(ageMs: number, locale: string): string {
  const [count, unit] = inUnits(ageMs);
  // The JavaScript engine of React Native has no such formatter.
  if (Intl.RelativeTimeFormat === undefined) {
    return count === 0 ? "now" : `${count} ${unit}${count === 1 ? "" : "s"} ago`;
  }
  return new Intl.RelativeTimeFormat(locale, { numeric: count === 0 ? "auto" : "always" }).format(-count, unit);
}

function inUnits(ageMs: number): [number, "second" | "minute" | "hour" | "day"] {
  if (ageMs < MINUTE) return [Math.floor(ageMs / SECOND), "second"];
  if (ageMs < HOUR) return [Math.floor(ageMs / MINUTE), "minute"];
  if (ageMs < 2 * DAY) return [Math.floor(ageMs / HOUR), "hour"];
  return [Math.floor(ageMs / DAY), "day"];
}
