import { createHmac } from "node:crypto";
import { answerLogStream } from "../src/effects/transports/webhook.js";

export interface HostileBodyFigures {
  /** Megabytes of each body. */
  megabytes: number;
  /** CPU time to answer a body of fake seals / a harmless body of the same form; the worst of the forms. */
  timeRatio: number;
}

/** Forms of a body of console lines: the words in each line, and the letters of a word (a fake seal, or harmless). */
const FORMS: Record<string, { words: number; letters: number }> = {
  "many fakes in each of 128 long lines": { words: 500, letters: 50 },
  "a short fake a line": { words: 1, letters: 40 },
  "a long fake a line": { words: 1, letters: 3_976 },
};
const BYTES = 4_000_000;
const SECRETS = {
  LAZY_VIEWS_SECRET: "a".repeat(32),
  LAZY_VIEWS_STREAM_SECRET: "c".repeat(32),
};

/**
 * Posts signed bodies of 4 MB to the log stream's route, hostile and harmless ones in turns. A form's ratio compares
 * the shortest times, which exclude the work of the compiler and of the garbage collector.
 */
export async function measureHostileBody(rounds: number): Promise<HostileBodyFigures> {
  const before = Object.keys(SECRETS).map((name) => [name, process.env[name]] as const);
  Object.assign(process.env, SECRETS);
  try {
    const ratios: number[] = [];
    for (const form of Object.values(FORMS)) {
      const hostile = bodyOf("lazy-views:2:", form);
      const harmless = bodyOf("lazy_views_2:", form);
      let [slow, quick] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
      for (let round = 0; round < rounds; round++) {
        slow = Math.min(slow, await timeOf(hostile));
        quick = Math.min(quick, await timeOf(harmless));
      }
      ratios.push(slow / quick);
    }
    return { megabytes: BYTES / 1e6, timeRatio: Math.max(...ratios) };
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }
}

/** As many events as fit. All words are different. */
function bodyOf(prefix: string, { words, letters }: { words: number; letters: number }): string {
  const events: string[] = [];
  let made = 0;
  const word = () => prefix + (made++).toString(36).padStart(8, "0").padEnd(letters, "A");
  for (let size = 2; ; ) {
    const message = `'${Array.from({ length: words }, word).join(" ")}'`;
    const event = JSON.stringify({ topic: "console", timestamp: Date.now(), message });
    size += event.length + 1;
    if (size > BYTES) return `[${events.join(",")}]`;
    events.push(event);
  }
}

/** CPU time of all threads, in microseconds: it does not depend on the load of the machine. */
async function timeOf(body: string): Promise<number> {
  const signature = createHmac("sha256", SECRETS.LAZY_VIEWS_STREAM_SECRET).update(body).digest("hex");
  const headers = { "x-webhook-signature": `sha256=${signature}` };
  const request = new Request("https://example.convex.site/", { method: "POST", body, headers });
  const start = process.cpuUsage();
  const { status } = await answerLogStream(request, unexpected, unexpected);
  if (status !== 200) throw new Error(`A body of fake seals got ${status}.`);
  const { user, system } = process.cpuUsage(start);
  return user + system;
}

async function unexpected(): Promise<never> {
  throw new Error("A fake seal was opened.");
}
