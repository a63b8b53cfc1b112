import { dispatchInChunks } from "../effects/dispatch.js";
import { unsealAll } from "../effects/seal.js";
import { LogError, type Polled, pollLog } from "../effects/transports/functionLog.js";
import { called, type LazyApp } from "../model/app.js";
import { isTailing } from "../model/exports.js";
import type { ReadLog, Tailed } from "../model/jobs.js";
import type { AnyActionCtx } from "../schema.js";
import { CLOSING_MS, MAX_TAIL_MS, POLL_PAUSE_MS } from "../times.js";
import { reasonOf } from "../values/describe.js";

/**
 * The action `tail`. It never writes to the console, because that would be another entry of the log that it reads. It
 * waits for each fetch that it begins: Convex logs a line about one that is left behind.
 */
export async function readLog(app: LazyApp, ctx: AnyActionCtx, job: ReadLog): Promise<null> {
  if (isTailing(app)) await new Tail(app, ctx, job).run();
  return null;
}

class Tail {
  private becomes: Tailed["becomes"] = "reads";
  private cursor: number;
  private most = 0;
  private poll: Promise<Polled> | undefined;

  constructor(
    private readonly app: LazyApp,
    private readonly ctx: AnyActionCtx,
    private readonly job: ReadLog,
  ) {
    this.cursor = job.cursor;
  }

  async run(): Promise<void> {
    try {
      await this.read();
    } catch (error) {
      this.becomes = "ends";
      await this.note({ problem: reasonOf(error), isLasting: error instanceof LogError && error.isLasting });
    } finally {
      await this.poll?.catch(() => {});
    }
  }

  private async read(): Promise<void> {
    const quietMs = Math.max(this.app.lingerMs - CLOSING_MS, 0);
    const handOverAt = Date.now() + MAX_TAIL_MS;
    let until = Date.now() + quietMs;
    this.poll = this.nextPoll();
    for (let polls = 0; ; ) {
      const polled = this.isOver ? await this.poll : await before(until, this.poll);
      if (polled) {
        // The first poll also returns what came while no tail was reading, so its number says nothing of this tail.
        if (polls++ > 0) this.most = Math.max(this.most, polled.entries);
        const hasEffects = await this.dispatch(polled);
        this.cursor = polled.cursor;
        if (this.isOver) return;
        if (hasEffects && this.becomes === "reads") until = Math.min(Date.now() + quietMs, handOverAt);
        await new Promise((resolve) => setTimeout(resolve, POLL_PAUSE_MS));
        this.poll = this.nextPoll();
        continue;
      }
      if (this.becomes === "closes") this.becomes = "ends";
      else this.becomes = Date.now() < handOverAt ? "closes" : "handsOver";
      until = Date.now() + CLOSING_MS;
      // This call is an entry of the log itself, so it ends the pending poll.
      await this.note();
    }
  }

  private nextPoll(): Promise<Polled> {
    const poll = pollLog(this.cursor);
    poll.catch(() => {}); // Its failure is handled when the tail awaits it.
    return poll;
  }

  /** Whether the tail begins no further poll. */
  private get isOver(): boolean {
    return this.becomes === "ends" || this.becomes === "handsOver";
  }

  private get tailed(): Tailed {
    const { cursor, most: entries, becomes } = this;
    return { kind: "tailed", number: this.job.number, cursor, entries, becomes };
  }

  private note(problem?: Pick<Tailed, "problem" | "isLasting">): Promise<unknown> {
    const { refs } = this.app;
    return called(this.app, "sweep", this.ctx.runMutation(refs.sweep, { job: { ...this.tailed, ...problem } }));
  }

  /** Dispatches the effects of seals; the last one's transaction moves the cursor. Returns whether there are any. */
  private async dispatch({ seals, cursor }: Polled): Promise<boolean> {
    const { refs } = this.app;
    const { effects } = await unsealAll(seals);
    const last = effects.at(-1);
    await dispatchInChunks(effects, (chunk) => {
      const isLast = last !== undefined && chunk.includes(last);
      const args = { effects: chunk, ...(isLast && { tailed: { ...this.tailed, cursor } }) };
      return called(this.app, "dispatch", this.ctx.runMutation(refs.dispatch, args));
    });
    return last !== undefined;
  }
}

/** Resolves to what a promise resolves to, or to undefined when the time comes first. */
async function before<T>(time: number, promise: Promise<T>): Promise<T | undefined> {
  const ms = time - Date.now();
  if (ms <= 0) return undefined;
  let stop = () => {};
  const timeOut = new Promise<undefined>((resolve) => {
    const timer = setTimeout(resolve, ms);
    stop = () => clearTimeout(timer);
  });
  return await Promise.race([promise, timeOut]).finally(stop);
}
