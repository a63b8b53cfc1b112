import type { IncomingHttpHeaders } from "node:http";

/** A request to `/api/…`. */
export interface ApiRequest {
  method: string;
  /** What follows `/api/`, e.g. `"v1/list_log_streams"` */
  path: string;
  query: URLSearchParams;
  headers: IncomingHttpHeaders;
  body: string;
  /** Aborted when the connection closes. */
  closed: AbortSignal;
}

/** An answer. If `body` is undefined, the answer's body is empty. */
export interface ApiAnswer {
  status: number;
  body?: unknown;
}

/** Some endpoints of the HTTP API. */
export interface Endpoints {
  /**
   * Returns null for a request to another endpoint.
   *
   * @throws HttpError for a request that Convex refuses.
   */
  handle(request: ApiRequest): Promise<ApiAnswer | null>;
}
