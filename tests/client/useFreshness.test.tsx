import { type FreshnessOptions, type FreshnessRead, useFreshness } from "convex-lazy-views/react";
import { renderToString } from "react-dom/server";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Age, ago } from "../../src/react/age";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const NOW = Date.UTC(2026, 0, 1);

beforeEach(() => void vi.useFakeTimers({ now: NOW }));
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("an age", () => {
  /** The ages that a subscriber gets in a span of time. */
  function heard(computedAt: number, spanMs: number): number[] {
    const age = new Age(computedAt);
    const ages = [age.read()];
    const end = age.subscribe(() => void ages.push(age.read()));
    vi.advanceTimersByTime(spanMs);
    end();
    expect(vi.getTimerCount()).toBe(0);
    return ages;
  }

  test("grows each second in the first minute, then each minute, then each hour", () => {
    const seconds = Array.from({ length: 60 }, (_, n) => n * SECOND);
    const minutes = Array.from({ length: 59 }, (_, n) => (n + 1) * MINUTE);
    expect(heard(NOW - 400, 2 * HOUR)).toEqual([...seconds, ...minutes, HOUR, 2 * HOUR]);
  });

  test("stays 0 while the clock is behind the server's", () => {
    expect(heard(NOW + 5_500, 7 * SECOND)).toEqual([0, SECOND]);
  });

  test("has grown when a subscriber comes late", () => {
    const age = new Age(NOW);
    expect(age.read()).toBe(0);
    vi.advanceTimersByTime(3_200);
    expect(age.read()).toBe(0);
    const changed = vi.fn();
    age.subscribe(changed)();
    expect(changed).toHaveBeenCalledOnce();
    expect(age.read()).toBe(3 * SECOND);
  });

  test("is right soon after the computer slept", () => {
    const age = new Age(NOW - HOUR);
    const end = age.subscribe(() => {});
    vi.setSystemTime(NOW + 5 * HOUR);
    vi.advanceTimersByTime(MINUTE);
    expect(age.read()).toBe(6 * HOUR);
    end();
  });

  const words: [number, string, string][] = [
    [0, "now", "jetzt"],
    [SECOND, "1 second ago", "vor 1 Sekunde"],
    [59 * SECOND, "59 seconds ago", "vor 59 Sekunden"],
    [MINUTE, "1 minute ago", "vor 1 Minute"],
    [59 * MINUTE, "59 minutes ago", "vor 59 Minuten"],
    [HOUR, "1 hour ago", "vor 1 Stunde"],
    [47 * HOUR, "47 hours ago", "vor 47 Stunden"],
    [2 * DAY, "2 days ago", "vor 2 Tagen"],
    [400 * DAY, "400 days ago", "vor 400 Tagen"],
  ];

  test.each(words)("of %i ms is: %s, %s", (ageMs, english, german) => {
    expect(ago(ageMs, "en")).toBe(english);
    expect(ago(ageMs, "de")).toBe(german);
  });

  test("is in English where the engine has no formatter, such as React Native's", () => {
    const { RelativeTimeFormat, ...rest } = Intl;
    expect(RelativeTimeFormat).toBeDefined();
    vi.stubGlobal("Intl", rest);
    expect(words.map(([ageMs]) => ago(ageMs, "de"))).toEqual(words.map(([, english]) => english));
  });
});

describe("on a server, which has no age", () => {
  function render(read: FreshnessRead | undefined, options?: FreshnessOptions): unknown {
    const Show = () => JSON.stringify(useFreshness(read, options));
    return JSON.parse(renderToString(<Show />).replaceAll("&quot;", '"'));
  }
  const noAge = { ageMs: null, ago: null };

  test.each([
    ["fresh", NOW, false, "up to date"],
    ["fresh", 0, false, "up to date"],
    ["stale", NOW, true, "refreshing…"],
    ["expired", NOW, true, "updating…"],
    ["missing", null, true, "updating…"],
  ] as const)("a row that is %s, computed at %s", (state, computedAt, isRefreshing, label) => {
    expect(render({ state, computedAt })).toEqual({ state, isRefreshing, ...noAge, label });
  });

  test("a query that loads", () => {
    expect(render(undefined)).toEqual({ isRefreshing: false, ...noAge, label: "loading…" });
  });
});
