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

/** An answer. A `body` that is undefined is an empty one. */
export interface ApiAnswer {
  status: number;
  body?: unknown;
}

/** Some endpoints of the HTTP API. */
export interface Endpoints {
  /**
   * Null when it is none of these endpoints.
   *
   * @throws HttpError for what Convex refuses.
   */
  handle(request: ApiRequest): Promise<ApiAnswer | null>;
}
