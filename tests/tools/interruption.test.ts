import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { interruption } from "../../tools/interruption.js";

const SIGNALS = { SIGINT: 2, SIGTERM: 15 } as const;
type Signal = keyof typeof SIGNALS;
const { exitCode } = process;
const before = { SIGINT: process.listeners("SIGINT"), SIGTERM: process.listeners("SIGTERM") };

/** Those that are of the code under test: the test runner has its own. */
const listeners = (signal: Signal) =>
  process.listeners(signal).filter((listener) => !before[signal].includes(listener));

function send(signal: Signal): void {
  for (const listener of listeners(signal)) Reflect.apply(listener, process, [signal, SIGNALS[signal]]);
}

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    for (const listener of listeners(signal)) process.off(signal, listener);
  }
  process.exitCode = exitCode;
  vi.useRealTimers();
  vi.restoreAllMocks();
});

test.each([
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const)("%s aborts, and makes the exit code %d; another one ends the process", (signal, code) => {
  const exit = vi.spyOn(process, "exit").mockReturnValue(undefined as never);
  const interrupted = interruption();
  expect(interrupted.aborted).toBe(false);

  send(signal);
  expect(interrupted.aborted).toBe(true);
  expect(process.exitCode).toBe(code);
  vi.advanceTimersByTime(600);
  expect(exit).not.toHaveBeenCalled();

  send(signal);
  expect(exit).toHaveBeenCalledOnce();
});

test("the same Ctrl-C, passed on by npm, does not end the process", () => {
  const exit = vi.spyOn(process, "exit").mockReturnValue(undefined as never);
  interruption();
  send("SIGINT");
  vi.advanceTimersByTime(100);
  send("SIGINT");
  expect(exit).not.toHaveBeenCalled();
});
