import { prettyLine } from "../console";
import { clientMessage } from "../errors";
import type { QueryHolder } from "../queries";
import type { Answer } from "../runtime";
import { encodeTs, type StateModification } from "./protocol";

/** A query that a client has subscribed to. */
export interface Subscription extends QueryHolder {
  /** The answer that the client has, without the ids that differ each time. */
  sent: string | null;
}

/** The message that answers a client's mutation or action. */
export function responseTo(requestId: number, answer: Answer) {
  const { outcome } = answer;
  const logLines = answer.lines.map(prettyLine);
  if (outcome.success) {
    return {
      requestId,
      success: true,
      result: outcome.value,
      ts: encodeTs(answer.ts),
      logLines,
    };
  }
  return {
    requestId,
    success: false,
    result: clientMessage(answer.requestId, outcome.failure),
    ...(outcome.failure.data === undefined ? {} : { errorData: outcome.failure.data }),
    logLines,
  };
}

/** The changes that the client needs for a query; empty if it has the answer already. */
export function modificationOf(queryId: number, subscription: Subscription): StateModification[] {
  const { result } = subscription;
  if (result === null) return [];
  const logLines = result.lines.map(prettyLine);
  const answer = JSON.stringify([result.outcome, logLines]);
  if (answer === subscription.sent) return [];
  subscription.sent = answer;
  const { outcome } = result;
  if (outcome.success) {
    return [{ type: "QueryUpdated", queryId, value: outcome.value, logLines, journal: null }];
  }
  return [
    {
      type: "QueryFailed",
      queryId,
      errorMessage: clientMessage(result.requestId, outcome.failure),
      ...(outcome.failure.data === undefined ? {} : { errorData: outcome.failure.data }),
      logLines,
      journal: null,
    },
  ];
}
