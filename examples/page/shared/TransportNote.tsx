const { VITE_TRANSPORT: transport, VITE_LOG_STREAM_INTERVAL_MS: interval } = import.meta.env;

/** How effects leave the queries of this deployment, and how long that takes. */
export function TransportNote() {
  if (transport === undefined) return null;
  return (
    <p className="panel__note">
      Transport: <code>{transport}</code>. {notes[transport]}
    </p>
  );
}

const notes = {
  logStream: `A real log stream delivers every 5 s; the one of this demo delivers every ${Number(interval) / 1_000} s.`,
  logTail: "An action reads the function log, and dispatches the effects in it a moment after they are raised.",
  client: "This page's client forwards the effects at a random moment within some 2 s: of many pages, few do.",
};
