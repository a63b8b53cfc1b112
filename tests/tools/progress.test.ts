import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Progress } from "../../tools/progress.js";

const MINUTE = 60_000;
const WORK = { program: "simulate", steps: "histories", total: 1_000 };

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** A stream that keeps what is written to it. */
function stream(isTTY: boolean) {
  const written: string[] = [];
  const stub = { isTTY, columns: 80, write: (text: string) => written.push(text) > 0 };
  return {
    stream: stub as unknown as NodeJS.WritableStream,
    text: () => written.join(""),
  };
}

test("without a terminal it is a line at once, one a minute, and one at the end", () => {
  const { stream: log, text } = stream(false);
  const progress = new Progress(WORK, log);
  const written = ["simulate: 0 of 1000 histories (0 %)\n"];
  expect(text()).toBe(written.join(""));

  vi.advanceTimersByTime(MINUTE / 2);
  progress.update(1);
  progress.update(199);
  expect(text()).toBe(written.join(""));
  vi.advanceTimersByTime(MINUTE / 2);
  written.push("simulate: 199 of 1000 histories (19 %), 4 minutes left\n");
  expect(text()).toBe(written.join(""));

  progress.update(800);
  vi.advanceTimersByTime(MINUTE);
  written.push("simulate: 800 of 1000 histories (80 %), 1 minute left\n");
  progress.update(1_000);
  progress.stop();
  written.push("simulate: 1000 of 1000 histories (100 %)\n");
  vi.advanceTimersByTime(10 * MINUTE);
  expect(text()).toBe(written.join(""));
});

test("the last line tells how far it came, and no time that is left", () => {
  const { stream: log, text } = stream(false);
  const progress = new Progress(WORK, log);
  vi.advanceTimersByTime(1_000);
  progress.update(500);
  progress.stop();
  expect(text().split("\n").slice(1)).toEqual(["simulate: 500 of 1000 histories (50 %)", ""]);
});

test("on a terminal it is a bar of one line, which gives way to what is printed", () => {
  const { stream: terminal, text } = stream(true);
  const order: string[] = [];
  vi.spyOn(process.stdout, "write").mockImplementation((printed) => {
    order.push(text(), String(printed));
    return true;
  });
  const progress = new Progress(WORK, terminal);
  progress.update(500);
  vi.advanceTimersByTime(1_000);
  expect(text()).toContain("[======------] simulate: 500 of 1000 histories (50 %), under 1 minute left");
  progress.print("a failure");
  expect(order[1]).toBe("a failure\n");
  // The line was cleared before, with the cursor at its beginning, and is drawn again after.
  expect(order[0]?.endsWith("\u001b[1G\u001b[2K")).toBe(true);
  expect(text().slice(order[0]?.length)).toContain("[======------] simulate: 500 of");
  expect(text()).not.toContain("\n");

  progress.stop();
  expect(text().endsWith("simulate: 500 of 1000 histories (50 %)\n")).toBe(true);
  const { length } = text();
  vi.advanceTimersByTime(MINUTE);
  expect(text().length).toBe(length);
});
