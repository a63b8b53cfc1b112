const numbers = new Intl.NumberFormat("en-US");
const signed = new Intl.NumberFormat("en-US", {
  signDisplay: "exceptZero",
  minimumFractionDigits: 1,
  maximumFractionDigits: 1,
});
const clock = new Intl.DateTimeFormat("en-GB", {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  fractionalSecondDigits: 3,
});

/** `1,234` */
export function wholeNumber(value: number): string {
  return numbers.format(value);
}

/** `+9.8`, `−3.0` */
export function signedNumber(value: number): string {
  return signed.format(value).replace("-", "−");
}

/** `14:03:22.117` */
export function clockTime(at: number): string {
  return clock.format(at);
}

/** `12 ms`, `1.24 s` */
export function duration(ms: number): string {
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(2)} s`;
}

/** `just now`, `12 s ago`, `3 min ago` */
export function ago(ms: number): string {
  const seconds = Math.floor(ms / 1_000);
  if (seconds < 1) return "just now";
  if (seconds < 60) return `${seconds} s ago`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 60 ? `${minutes} min ago` : `${Math.floor(minutes / 60)} h ago`;
}
