import { anyApi, internalMutationGeneric } from "convex/server";
import { v } from "convex/values";
import { afterEach, expect, test, vi } from "vitest";
import { endTestApp, startTestApp } from "../testApp.js";

afterEach(endTestApp);

const MAX_LINES = 128;

/** An app whose query raises effects that each fill a line; every third one fails whenever it runs. */
function start(count: number) {
  vi.spyOn(console, "error").mockImplementation(() => {});
  const ran = new Set<number>();
  const app = startTestApp({
    modules: {
      work: {
        run: internalMutationGeneric({
          args: { n: v.number(), text: v.string() },
          handler: async (_, { n }) => {
            ran.add(n);
            if (n % 3 === 0) throw new Error("broken");
          },
        }),
      },
    },
  });
  const read = () =>
    app.collect((ctx) => {
      for (let n = 0; n < count; n++) {
        // Every fifth of the failing effects cannot be scheduled.
        const target = n % 5 === 0 ? anyApi.work?.missing : anyApi.work?.run;
        ctx.scheduleEffect(target as never, { n, text: "x".repeat(2_600) } as never);
      }
      return "the result";
    });
  const possible = Array.from({ length: count }, (_, n) => n).filter((n) => n % 5 !== 0);
  return { app, ran, read, possible };
}

test("of 140 lines of effects, all run within a few reads, though some fail again and again", async () => {
  const { app, ran, read, possible } = start(140);
  for (let i = 0; i < 5; i++) {
    const { result, messages } = await read();
    expect(result).toBe("the result");
    expect(messages).toHaveLength(MAX_LINES);
    await app.deliver(messages);
    await app.advance(15_000);
  }
  expect([...ran].sort((a, b) => a - b)).toEqual(possible);
}, 30_000);

test.each([140, 500])(
  "of %i lines, each has its turn, however regular the reads are",
  async (count) => {
    const { read } = start(count);
    for (const interval of [1, 5_000, 60_000]) {
      const sent = new Set<string>();
      for (let i = 0; i < 15 && sent.size < count; i++) {
        const { messages } = await read();
        expect(new Set(messages).size).toBe(MAX_LINES);
        for (const message of messages) sent.add(message);
        vi.advanceTimersByTime(interval);
      }
      expect(sent.size, `every ${interval} ms`).toBe(count);
    }
  },
  30_000,
);

test("128 lines are all sent, without reading the clock: the result stays in Convex's cache", async () => {
  const { read } = start(MAX_LINES);
  const clock = vi.spyOn(Date, "now");
  const { messages } = await read();
  expect(messages).toHaveLength(MAX_LINES);
  const fromSending = clock.mock.results.length;
  clock.mockClear();
  await start(1).read();
  expect(clock.mock.results.length).toBe(fromSending);
});
