import { clearTimeout, setImmediate, setTimeout } from "node:timers";
import type { JSONValue } from "convex/values";
import type { Activity } from "../activity";
import { prettyLine } from "../console";
import { clientMessage } from "../errors";
import { type Entry, newEntry } from "../execution";
import type { QueryHolder, QueryRunner } from "../queries";
import type { Answer, Runtime } from "../runtime";
import type { MutationLog } from "./mutationLog";
import {
  type ClientMessage,
  encodeTs,
  type ServerMessage,
  type StateModification,
  type StateVersion,
} from "./protocol";

/** What all sessions share. */
export interface SyncServices {
  runtime: Runtime;
  queries: QueryRunner;
  mutations: MutationLog;
  activity: Activity;
  /** Runs work outside the function that caused it. */
  outside: (work: () => void) => void;
}

/** The connection of one session. */
export interface SyncSocket {
  send(message: ServerMessage): void;
  /** Closes the connection after an error; the client then connects anew. */
  fail(reason: string): void;
}

interface Subscription extends QueryHolder {
  /** The answer that the client has, without the ids that differ each time. */
  sent: string | null;
}

/** Clients take a silent server for dead after a minute. */
const HEARTBEAT_MS = 15_000;

/**
 * One client's connection. Whatever may change what the client should see (its own messages,
 * a finished mutation, an invalidated result) asks for an update. An update brings all
 * subscribed queries to one timestamp and sends one transition, which names what changed
 * since the last one. At most one update runs; what comes up meanwhile leads to the next.
 */
export class SyncSession {
  private readonly subscriptions = new Map<number, Subscription>();
  private removed: number[] = [];
  /** The versions that the client asked for. */
  private querySet = 0;
  private identity = 0;
  /** The version that the client has. */
  private version: StateVersion = { querySet: 0, identity: 0, ts: encodeTs(0n) };
  private sessionId = "";
  private closed = false;
  private updating = false;
  private updateNeeded = false;
  private mutationQueue: Promise<void> = Promise.resolve();
  private mutating: { entry: Entry; done: Promise<unknown> } | null = null;
  private readonly heartbeat: NodeJS.Timeout;
  private readonly unsubscribe: () => void;

  constructor(
    private readonly services: SyncServices,
    private readonly socket: SyncSocket,
    heartbeatMs = HEARTBEAT_MS,
  ) {
    this.heartbeat = setTimeout(() => this.send({ type: "Ping" }), heartbeatMs);
    this.unsubscribe = services.runtime.cache.onInvalidation(() => {
      const held = [...this.subscriptions.values()];
      if (held.some(({ result }) => result?.valid === false)) this.requestUpdate();
    });
  }

  /** Handles a message of the client. */
  receive(message: ClientMessage): void {
    switch (message.type) {
      case "Connect":
        this.sessionId = message.sessionId;
        return;
      case "Authenticate":
        // Nobody is anybody here: the client only has to learn that its token was taken.
        this.identity = message.baseVersion + 1;
        this.requestUpdate();
        return;
      case "ModifyQuerySet":
        this.modifyQuerySet(message);
        return;
      case "Mutation":
        this.enqueueMutation(message);
        return;
      case "Action":
        void this.services.activity.track(() => this.runAction(message));
        return;
      case "Event":
        return;
    }
  }

  /** Ends the session. Functions that run go on, and queued mutations do not start. */
  close(): void {
    this.closed = true;
    clearTimeout(this.heartbeat);
    this.unsubscribe();
    for (const { result } of this.subscriptions.values()) this.release(result);
    this.subscriptions.clear();
  }

  private modifyQuerySet(message: ClientMessage & { type: "ModifyQuerySet" }): void {
    if (message.baseVersion !== this.querySet) {
      this.socket.fail(`Expected query set version ${this.querySet}, got ${message.baseVersion}`);
      return;
    }
    this.querySet = message.newVersion;
    for (const modification of message.modifications) {
      const { queryId } = modification;
      if (modification.type === "Add") {
        const { udfPath: path, args } = modification;
        this.subscriptions.set(queryId, { path, args: args[0] ?? {}, result: null, sent: null });
      } else {
        this.release(this.subscriptions.get(queryId)?.result ?? null);
        this.subscriptions.delete(queryId);
        this.removed.push(queryId);
      }
    }
    this.requestUpdate();
  }

  /** A client's mutations run one after the other, in the order it sent them. */
  private enqueueMutation(message: ClientMessage & { type: "Mutation" | "Action" }): void {
    const end = this.services.activity.begin();
    this.mutationQueue = this.mutationQueue
      .then(() => (this.closed ? undefined : this.runMutation(message)))
      .finally(end);
  }

  private async runMutation(message: ClientMessage & { type: "Mutation" | "Action" }) {
    const { runtime, mutations } = this.services;
    const entry = newEntry("client");
    const done = mutations.once(this.sessionId, message.requestId, () =>
      runtime.call("mutation", callOf(message), entry),
    );
    this.mutating = { entry, done };
    const answer = await done;
    this.mutating = null;
    this.send({ ...responseTo(message.requestId, answer), type: "MutationResponse" });
    this.requestUpdate();
  }

  private async runAction(message: ClientMessage & { type: "Mutation" | "Action" }) {
    const answer = await this.services.runtime.call("action", callOf(message), newEntry("client"));
    this.send({ ...responseTo(message.requestId, answer), type: "ActionResponse" });
    this.requestUpdate();
  }

  private requestUpdate(): void {
    this.updateNeeded = true;
    if (this.updating || this.closed) return;
    this.updating = true;
    const end = this.services.activity.begin();
    const run = () => {
      this.update()
        .catch((error) => this.socket.fail(`InternalServerError: ${String(error)}`))
        .finally(end);
    };
    this.services.outside(() => setImmediate(run));
  }

  private async update(): Promise<void> {
    while (this.updateNeeded && !this.closed) {
      this.updateNeeded = false;
      const requested = { querySet: this.querySet, identity: this.identity };
      const removed = this.removed.splice(0);
      const subscriptions = [...this.subscriptions];
      const ts = await this.services.queries.refresh(
        subscriptions.map(([, subscription]) => subscription),
        "client",
      );
      const modifications: StateModification[] = [
        ...removed.map((queryId) => ({ type: "QueryRemoved" as const, queryId })),
        ...subscriptions.flatMap(([queryId, subscription]) => modificationOf(queryId, subscription)),
      ];
      await this.responsesUpTo(ts);
      const endVersion = { ...requested, ts: encodeTs(ts) };
      this.send({ type: "Transition", startVersion: this.version, endVersion, modifications });
      this.version = endVersion;
    }
    this.updating = false;
  }

  /**
   * A client must hear that its mutation succeeded before it sees the data that the mutation
   * wrote, or its optimistic update would be applied on top of it.
   */
  private async responsesUpTo(ts: bigint): Promise<void> {
    const committedTs = this.mutating?.entry.execution?.committedTs;
    if (committedTs && committedTs <= ts) await this.mutating?.done;
  }

  private release(result: QueryHolder["result"]): void {
    if (result !== null) this.services.runtime.cache.release(result);
  }

  private send(message: ServerMessage): void {
    if (this.closed) return;
    this.heartbeat.refresh();
    this.socket.send(message);
  }
}

function callOf({ udfPath, args }: { udfPath: string; args: JSONValue[] }) {
  return { path: udfPath, args: args[0] ?? {} };
}

function responseTo(requestId: number, answer: Answer) {
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

/** What the client must hear of a query; nothing when it knows the answer already. */
function modificationOf(queryId: number, subscription: Subscription): StateModification[] {
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
