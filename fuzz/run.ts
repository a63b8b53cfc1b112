import { check, type Kind, LIBRARY, type Subjects } from "./check.js";
import { type Input, inputOf, type Secrets } from "./inputs.js";
import { Surroundings } from "./surroundings.js";

export interface FuzzOptions {
  inputs: number;
  /** The seed of the first input. Each next input has the next seed. */
  seed: number;
  subjects?: Subjects;
  /** When it aborts, no further batch begins. */
  signal?: AbortSignal;
}

/** An input that failed. Its seed is enough to make it again. */
export interface Failure {
  seed: number;
  input: Input;
  kind: Kind | "console";
  reason: string;
}

export interface Report {
  /** Inputs that were run: fewer than requested, when the signal aborted. */
  inputs: number;
  /** Exceptions, and answers that are not the documented ones. */
  crashes: number;
  /** Forgeries that started something. */
  accepted: number;
  /** Sealed things that were started, but are not effects. */
  malformed: number;
  /** Genuine effects that were not started. */
  lost: number;
  consoleLines: number;
  /** Genuine effects that were started. With none, the run has tested nothing. */
  started: number;
}

/** Inputs that run at once: enough to keep Web Crypto's threads busy. */
const BATCH = 500;

interface Case {
  seed: number;
  input: Input;
}

/**
 * Gives inputs to the functions under test.
 *
 * @param onFailure - Called with each failing input.
 * @param onProgress - Called after each batch with the number of inputs so far.
 */
export async function fuzz(
  { inputs, seed, subjects = LIBRARY, signal }: FuzzOptions,
  onFailure: (failure: Failure) => void,
  onProgress: (done: number) => void = () => {},
): Promise<Report> {
  const found: Record<Kind, number> = { crash: 0, accepted: 0, malformed: 0, lost: 0 };
  let consoleLines = 0;
  let started = 0;
  let done = 0;
  const surroundings = new Surroundings();

  const run = async (one: Case) => {
    const outcome = await check(one.input, subjects);
    started += outcome.started;
    if (outcome.finding === null) return;
    found[outcome.finding.kind]++;
    onFailure({ ...one, ...outcome.finding });
  };

  try {
    while (done < inputs && !signal?.aborted) {
      const cases = casesFrom(seed + done, Math.min(BATCH, inputs - done));
      for (const group of bySecrets(cases)) {
        surroundings.setSecrets((group[0] as Case).input.secrets);
        const before = surroundings.consoleLines;
        await Promise.all(group.map(run));
        const lines = surroundings.consoleLines - before;
        consoleLines += lines;
        if (lines > 0) (await findNoisy(group, subjects, surroundings)).forEach(onFailure);
      }
      done += cases.length;
      onProgress(done);
    }
  } finally {
    surroundings.leave();
  }
  const { crash: crashes, accepted, malformed, lost } = found;
  return { inputs: done, crashes, accepted, malformed, lost, consoleLines, started };
}

function casesFrom(first: number, count: number): Case[] {
  return Array.from({ length: count }, (_, i) => ({ seed: first + i, input: inputOf(first + i) }));
}

/** Groups cases by secrets, since all cases that run at once share the environment. */
function bySecrets(cases: readonly Case[]): Case[][] {
  const groups = new Map<Secrets, Case[]>();
  for (const one of cases) {
    const group = groups.get(one.input.secrets);
    if (group === undefined) groups.set(one.input.secrets, [one]);
    else group.push(one);
  }
  return [...groups.values()];
}

/** Runs cases again one by one, to find those that write to the console. */
async function findNoisy(cases: readonly Case[], subjects: Subjects, surroundings: Surroundings): Promise<Failure[]> {
  const noisy: Failure[] = [];
  for (const one of cases) {
    const before = surroundings.consoleLines;
    await check(one.input, subjects);
    const lines = surroundings.consoleLines - before;
    if (lines > 0) noisy.push({ ...one, kind: "console", reason: `${lines} line(s) were written.` });
  }
  return noisy;
}
