import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { type WebSocket, WebSocketServer } from "ws";
import { parseClientMessage } from "../sync/parse";
import { type SyncServices, SyncSession } from "../sync/session";
import type { Trace } from "../trace";
import { allowOrigin, answerPreflight } from "./cors";
import type { ApiAnswer, ApiRequest, Endpoints } from "./endpoints";
import { HttpError } from "./httpError";
import { DEPLOYMENT_NAME } from "./keys";

/** Requests that wait for the next entry. The backend does no work for them meanwhile, so they are no activity. */
const LONG_POLL = /^\/api\/(app_metrics\/)?stream_/;

/** The answers of a self-hosted deployment to requests for these paths. */
const DEPLOYMENT_FACTS: Record<string, string> = { "/version": "embedded", "/instance_name": DEPLOYMENT_NAME };

/** The answer when the backend itself fails. */
const INTERNAL_ERROR = new HttpError(
  500,
  "InternalServerError",
  "Your request couldn't be completed. Try again later.",
);

/** The backend's HTTP server: API, sync protocol, HTTP actions and trace on one port. */
export class BackendServer {
  private readonly server: Server;
  private readonly sockets = new WebSocketServer({ noServer: true });
  private readonly polls = new Set<Promise<void>>();

  /** @param endpoints the first one that knows a request to `/api/…` answers it. */
  constructor(
    private readonly services: SyncServices,
    private readonly endpoints: readonly Endpoints[],
    private readonly trace: Trace,
  ) {
    this.server = createServer((request, response) => {
      const isPoll = LONG_POLL.test(request.url ?? "");
      const work = () => this.handle(request, response);
      const handled = (isPoll ? work() : services.activity.track(work)).catch((error) => {
        response.destroy(error);
      });
      if (!isPoll) return;
      this.polls.add(handled);
      void handled.then(() => this.polls.delete(handled));
    });
    this.server.on("upgrade", (request, socket, head) => {
      if (!/^\/api\/[^/]+\/sync$/.test(request.url ?? "")) return socket.destroy();
      this.sockets.handleUpgrade(request, socket, head, (webSocket) => this.serveSync(webSocket));
    });
  }

  /** @returns the URL that the server listens at. */
  async listen(port: number): Promise<string> {
    await new Promise<void>((resolve, reject) => {
      this.server.once("error", reject);
      this.server.listen(port, "127.0.0.1", resolve);
    });
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Cuts all connections, and frees the port. */
  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve));
    await this.disconnect();
    await closed;
  }

  /** Cuts all connections, after it has answered the waiting requests. End their waits first. */
  async disconnect(): Promise<void> {
    await Promise.all(this.polls);
    for (const webSocket of this.sockets.clients) webSocket.terminate();
    this.server.closeAllConnections();
  }

  private serveSync(webSocket: WebSocket): void {
    const session = new SyncSession(this.services, {
      send: (message) => webSocket.send(JSON.stringify(message)),
      close: (code, reason) => webSocket.close(code, reason),
    });
    webSocket.on("message", (data, isBinary) => {
      try {
        if (isBinary) throw new Error("Unexpected binary message");
        session.receive(parseClientMessage(data.toString()));
      } catch (error) {
        session.fail(error);
      }
    });
    webSocket.on("close", () => session.close());
    webSocket.on("error", () => webSocket.terminate());
  }

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", "http://backend");
    if (url.pathname === "/_trace") return this.serveTrace(request, response);
    const fact = DEPLOYMENT_FACTS[url.pathname];
    if (fact !== undefined) return void response.end(fact);
    if (url.pathname.startsWith("/api/")) return await this.serveApi(request, response, url);
    await this.serveHttpAction(request, response);
  }

  private async serveApi(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
    if (request.method === "OPTIONS") return answerPreflight(request, response);
    allowOrigin(request, response);
    const closed = new AbortController();
    response.once("close", () => closed.abort());
    const answer = await this.answer({
      method: request.method ?? "GET",
      path: url.pathname.slice("/api/".length),
      query: url.searchParams,
      headers: request.headers,
      body: (await buffer(request)).toString(),
      closed: closed.signal,
    });
    if (answer === null) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(answer.status, { "content-type": "application/json" });
    response.end(answer.body === undefined ? undefined : JSON.stringify(answer.body));
  }

  private async answer(request: ApiRequest): Promise<ApiAnswer | null> {
    try {
      for (const endpoints of this.endpoints) {
        const answer = await endpoints.handle(request);
        if (answer !== null) return answer;
      }
      return null;
    } catch (error) {
      const { status, code, message } = error instanceof HttpError ? error : INTERNAL_ERROR;
      return { status, body: { code, message } };
    }
  }

  private async serveHttpAction(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const answer = await this.services.runtime.fetch(await toRequest(request));
    for (const [name, value] of answer.headers) {
      if (name !== "set-cookie") response.setHeader(name, value);
    }
    const cookies = answer.headers.getSetCookie();
    if (cookies.length > 0) response.setHeader("set-cookie", cookies);
    response.writeHead(answer.status);
    if (answer.body === null) response.end();
    else await pipeline(Readable.fromWeb(answer.body as never), response);
  }

  /** The trace as Server-Sent Events: first the past events, then each new one. */
  private serveTrace(request: IncomingMessage, response: ServerResponse): void {
    response.writeHead(200, {
      "content-type": "text/event-stream",
      "cache-control": "no-store",
      "access-control-allow-origin": "*",
    });
    const lastSeen = Number(request.headers["last-event-id"] ?? -1);
    let id = Math.max(lastSeen + 1, this.trace.first);
    const write = (event: unknown) => {
      response.write(`id: ${id++}\ndata: ${JSON.stringify(event)}\n\n`);
    };
    for (const event of this.trace.since(id)) write(event);
    const unsubscribe = this.trace.subscribe(write);
    response.on("close", unsubscribe);
  }
}

async function toRequest(incoming: IncomingMessage): Promise<Request> {
  const headers = new Headers();
  for (let i = 0; i + 1 < incoming.rawHeaders.length; i += 2) {
    headers.append(incoming.rawHeaders[i] ?? "", incoming.rawHeaders[i + 1] ?? "");
  }
  const method = incoming.method ?? "GET";
  const body = await buffer(incoming);
  const hasBody = !["GET", "HEAD", "OPTIONS"].includes(method);
  return new Request(new URL(incoming.url ?? "/", `http://${incoming.headers.host}`), {
    method,
    headers,
    ...(hasBody ? { body: new Uint8Array(body) } : {}),
  });
}
