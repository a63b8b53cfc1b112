const REAL_INTERVAL_SECONDS = 5;

/** How long effects take to leave a query, on a real deployment and on this one. */
export function IntervalNote() {
  const real = `A real log stream delivers every ${REAL_INTERVAL_SECONDS} s`;
  const intervalMs = Number(import.meta.env.VITE_LOG_STREAM_INTERVAL_MS);
  const here = intervalMs > 0 ? `; the one of this demo delivers every ${intervalMs / 1_000} s.` : ".";
  return <p className="panel__note">{real + here}</p>;
}
