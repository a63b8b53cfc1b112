import { clearTimeout, setImmediate, setTimeout } from "node:timers";
import type { Activity } from "../activity";
import type { Entry } from "../execution";
import { entryOf, type FunctionCall } from "../functionCall";
import { HttpError } from "../http/httpError";
import type { Keys } from "../http/keys";
import type { QueryHolder, QueryRunner } from "../queries";
import type { Runtime } from "../runtime";
import { modificationOf, responseTo, type Subscription } from "./answers";
import type { MutationLog } from "./mutationLog";
import { ProtocolError } from "./parse";
import {
  type AuthenticationToken,
  type ClientMessage,
  encodeTs,
  type FunctionRequest,
  type ServerMessage,
  type StateModification,
  type StateVersion,
} from "./protocol";

/** What all sessions share. */
export interface SyncServices {
  runtime: Runtime;
  queries: QueryRunner;
  mutations: MutationLog;
  keys: Keys;
  activity: Activity;
  /** Runs work outside the function that caused it. */
  outside: (work: () => void) => void;
}

/** The connection of one session. */
export interface SyncSocket {
  send(message: ServerMessage): void;
  /** Closes the connection, with a code and a reason after an error of the backend; the client then connects anew. */
  close(code?: number, reason?: string): void;
}

/** A client gives up a silent connection after a minute. */
const HEARTBEAT_MS = 15_000;

/**
 * One client's connection. Everything that may change what the client should see (its own
 * messages, a finished mutation, an invalidated result) requests an update. An update brings all
 * subscribed queries to one timestamp and sends one transition with the changes since the last
 * one. At most one update runs at a time; requests during it lead to the next.
 */
export class SyncSession {
  private readonly subscriptions = new Map<number, Subscription>();
  private removed: number[] = [];
  /** The versions that the client asked for. */
  private querySet = 0;
  private identity = 0;
  /** The version that the client has. */
  private version: StateVersion = { querySet: 0, identity: 0, ts: encodeTs(0n) };
  /** Null for a client that has not sent `Connect`; its mutations are not remembered. */
  private sessionId: string | null = null;
  private authority: Pick<FunctionCall, "identity" | "user"> = {};
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

  /**
   * Handles a message of the client.
   *
   * @throws An error for `fail`, if the message is invalid.
   */
  receive(message: ClientMessage): void {
    if (this.closed) return;
    switch (message.type) {
      case "Connect":
        this.sessionId = message.sessionId;
        return;
      case "Authenticate":
        this.authenticate(message.baseVersion, message.token);
        return;
      case "ModifyQuerySet":
        this.modifyQuerySet(message);
        return;
      case "Mutation":
        this.enqueueMutation(message);
        return;
      case "Action":
        this.services.activity.track(() => this.runAction(message)).catch((error) => this.fail(error));
        return;
      case "Event":
        return;
    }
  }

  /** Ends the session. Running functions continue; queued mutations do not start. */
  close(): void {
    this.closed = true;
    clearTimeout(this.heartbeat);
    this.unsubscribe();
    for (const { result } of this.subscriptions.values()) this.release(result);
    this.subscriptions.clear();
  }

  /**
   * Ends the connection as Convex does. After a client's mistake, the client gets the error and does not connect again;
   * after an error of the backend, it does.
   */
  fail(error: unknown): void {
    if (this.closed) return;
    if (error instanceof ProtocolError) this.send({ type: "FatalError", error: error.message });
    if (error instanceof HttpError) {
      this.send({ type: "AuthError", error: error.message, baseVersion: this.identity, authUpdateAttempted: true });
    }
    this.close();
    const isClients = error instanceof ProtocolError || error instanceof HttpError;
    if (isClients) this.socket.close();
    else this.socket.close(1011, "InternalServerError");
  }

  /**
   * Checks keys of the deployment. Accepts users' own tokens unread.
   *
   * @throws HttpError for a key of another deployment.
   */
  private authenticate(baseVersion: number, token: AuthenticationToken): void {
    if (baseVersion !== this.identity) throw new Error(`Expected identity ${this.identity}, got ${baseVersion}`);
    const isAdmin = token.tokenType === "Admin";
    const authority = isAdmin ? { identity: this.services.keys.identify(token.value), user: token.user } : {};
    this.identity = baseVersion + 1;
    if (isAdmin || this.authority.identity !== undefined) {
      this.authority = authority;
      for (const [queryId, { path, args, component, result, sent }] of this.subscriptions) {
        this.release(result);
        this.subscriptions.set(queryId, { path, args, component, ...authority, result: null, sent });
      }
    }
    this.requestUpdate();
  }

  private modifyQuerySet({ baseVersion, newVersion, modifications }: ClientMessage & { type: "ModifyQuerySet" }): void {
    if (baseVersion !== this.querySet) {
      throw new ProtocolError(
        `Base version ${baseVersion} passed up doesn't match the current version ${this.querySet}`,
      );
    }
    if (newVersion <= baseVersion) throw new Error(`${newVersion} does not follow ${baseVersion}`);
    this.querySet = newVersion;
    for (const modification of modifications) {
      const { queryId } = modification;
      const known = this.subscriptions.get(queryId);
      if (modification.type === "Add") {
        if (known !== undefined) throw new Error(`Duplicate query ID: ${queryId}`);
        this.subscriptions.set(queryId, { ...this.callOf(modification), result: null, sent: null });
      } else {
        if (known === undefined) throw new Error(`Nonexistent query id: ${queryId}`);
        this.release(known.result);
        this.subscriptions.delete(queryId);
        this.removed.push(queryId);
      }
    }
    this.requestUpdate();
  }

  private callOf({ udfPath, args, componentPath }: Omit<FunctionRequest, "type" | "requestId">): FunctionCall {
    return { path: udfPath, args: args[0] ?? {}, component: componentPath, ...this.authority };
  }

  /** A client's mutations run one after the other, in the order it sent them. */
  private enqueueMutation(message: FunctionRequest): void {
    const end = this.services.activity.begin();
    this.mutationQueue = this.mutationQueue
      .then(() => (this.closed ? undefined : this.runMutation(message)))
      .catch((error) => this.fail(error))
      .finally(end);
  }

  private async runMutation(message: FunctionRequest) {
    const { runtime, mutations } = this.services;
    const call = this.callOf(message);
    const entry = entryOf(call, "client");
    const run = () => runtime.call("mutation", call, entry);
    const done = this.sessionId === null ? run() : mutations.once(this.sessionId, message.requestId, run);
    this.mutating = { entry, done };
    const answer = await done;
    this.mutating = null;
    this.send({ ...responseTo(message.requestId, answer), type: "MutationResponse" });
    this.requestUpdate();
  }

  private async runAction(message: FunctionRequest) {
    const call = this.callOf(message);
    const answer = await this.services.runtime.call("action", call, entryOf(call, "client"));
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
        .catch((error) => this.fail(error))
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
   * A client must get the answer of its mutation before the data that the mutation wrote;
   * otherwise it would apply its optimistic update on top of them.
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
