import type { Answer } from "../runtime";

/** How many answers the log keeps for each client. */
const REMEMBERED = 1_000;

/**
 * The mutations that ran. After a lost connection, a client sends all mutations again whose
 * effect it has not seen; each must run only once.
 */
export class MutationLog {
  private readonly sessions = new Map<string, Map<number, Promise<Answer>>>();

  /** The answer to a request. Calls `run` only the first time. */
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
