/** How effects leave the queries of the example app: the transports of the library. */
export const transports = ["logStream", "logTail", "client"] as const;

export type Transport = (typeof transports)[number];

/**
 * The transport that an option `--transport` names.
 *
 * @throws Error naming the value and the transports.
 */
export function toTransport(value: string): Transport {
  const transport = transports.find((each) => each === value);
  if (transport !== undefined) return transport;
  throw new Error(`--transport is "${value}"; give one of ${transports.join(", ")}.`);
}
