import { ALL_TURNS, type History, type Step } from "./history.js";
import type { Outcome } from "./simulation.js";

/** The most runs that shrinking takes. */
const MAX_RUNS = 1_500;

/** A history that broke an invariant, and which. */
export interface Failure {
  history: History;
  outcome: Outcome;
}

/**
 * Makes a failing history smaller: fewer steps, plainer choices, no step that begins while another goes on. The result
 * breaks an invariant, not necessarily the same one.
 */
export async function shrink(
  { history, outcome }: Failure,
  run: (history: History) => Promise<Outcome>,
): Promise<Failure> {
  let best: Failure = { history: replayable(history, outcome), outcome };
  let runs = 0;
  const improves = async (candidate: History): Promise<boolean> => {
    if (runs++ >= MAX_RUNS) return false;
    const result = await run(candidate);
    if (result.violation === null) return false;
    best = { history: replayable(candidate, result), outcome: result };
    return true;
  };
  for (let isSmaller = true; isSmaller && runs < MAX_RUNS; ) {
    const before = sizeOf(best.history);
    await leaveOut(
      () => best.history.steps,
      (steps) => improves({ ...best.history, steps }),
    );
    await leaveOut(
      () => deviationsOf(best.history),
      (deviations) => improves({ ...best.history, choices: { deviations } }),
    );
    for (let i = 0; i < best.history.steps.length; i++) {
      const plainer = best.history.steps.map((step, j) => (i === j ? plain(step) : step));
      if (sizeOf({ ...best.history, steps: plainer }) < sizeOf(best.history)) {
        await improves({ ...best.history, steps: plainer });
      }
    }
    isSmaller = sizeOf(best.history) < before;
  }
  return best;
}

/** The same history, given by its choices instead of its seed. */
function replayable(history: History, { deviations }: Outcome): History {
  return { ...history, choices: { deviations } };
}

/** Leaves out parts of a list, large ones first, as long as the history still fails. */
async function leaveOut<T>(list: () => readonly T[], improves: (rest: T[]) => Promise<boolean>): Promise<void> {
  for (let size = Math.ceil(list().length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let start = 0; start < list().length; ) {
      const rest = [...list().slice(0, start), ...list().slice(start + size)];
      if (!(await improves(rest))) start += size;
    }
  }
}

function plain(step: Step): Step {
  return { ...step, turns: ALL_TURNS };
}

function deviationsOf({ choices }: History) {
  return "deviations" in choices ? choices.deviations : [];
}

function sizeOf(history: History): number {
  const hasty = history.steps.filter(({ turns }) => turns !== ALL_TURNS).length;
  return history.steps.length * 1_000 + deviationsOf(history).length * 10 + hasty;
}

/** A history as one word, for a command line. */
export function toWord(history: History): string {
  return Buffer.from(JSON.stringify(history)).toString("base64url");
}

/** @throws Error when the word is not a history. */
export function fromWord(word: string): History {
  try {
    return JSON.parse(Buffer.from(word, "base64url").toString()) as History;
  } catch {
    throw new Error(`"${word}" is not a history; give the word that a failure printed.`);
  }
}
