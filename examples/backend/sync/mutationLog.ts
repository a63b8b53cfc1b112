import type { Answer } from "../runtime";

/** Answers that are remembered for each client. */
const REMEMBERED = 1_000;

/**
 * Which mutations ran. A client that lost its connection sends those again whose effect it
 * has not seen; each must run once all the same.
 */
export class MutationLog {
  private readonly sessions = new Map<string, Map<number, Promise<Answer>>>();

  /** The answer of that request, which `run` produces if it has not been produced before. */
  once(sessionId: string, requestId: number, run: () => Promise<Answer>): Promise<Answer> {
    let answers = this.sessions.get(sessionId);
    if (answers === undefined) {
      answers = new Map();
      this.sessions.set(sessionId, answers);
    }
    const known = answers.get(requestId);
    if (known !== undefined) return known;
    const answer = run();
    answers.set(requestId, answer);
    const oldest = answers.keys().next();
    if (answers.size > REMEMBERED && !oldest.done) answers.delete(oldest.value);
    return answer;
  }
}
