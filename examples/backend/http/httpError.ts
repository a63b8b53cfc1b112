/** An answer of Convex's own endpoints that is not a success, with the code that Convex gives it. */
export class HttpError extends Error {
  override name = "HttpError";

  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}
