import type { IncomingMessage, ServerResponse } from "node:http";

/** Sets the headers with which Convex allows pages of any origin to call `/api/…`. */
export function allowOrigin(request: IncomingMessage, response: ServerResponse): void {
  const { origin } = request.headers;
  if (origin !== undefined) response.setHeader("access-control-allow-origin", origin);
  response.setHeader("access-control-allow-credentials", "true");
  response.setHeader("vary", "origin");
}

/** Answers a browser's preflight request. */
export function answerPreflight(request: IncomingMessage, response: ServerResponse): void {
  allowOrigin(request, response);
  const headers = request.headers["access-control-request-headers"];
  if (headers !== undefined) response.setHeader("access-control-allow-headers", headers);
  response.setHeader("access-control-allow-methods", "GET,POST,OPTIONS,PATCH,DELETE,PUT");
  response.setHeader("access-control-max-age", "86400");
  response.writeHead(200).end();
}
