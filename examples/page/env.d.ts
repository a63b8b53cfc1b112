/// <reference types="vite/client" />

interface ImportMetaEnv {
  /** The deployment that the page talks to. */
  readonly VITE_CONVEX_URL?: string;
  /** How effects leave the deployment's queries. With `client`, the page's client forwards them. */
  readonly VITE_TRANSPORT?: import("../transports").Transport;
  /** How often the deployment's log stream delivers; unset for a real deployment. */
  readonly VITE_LOG_STREAM_INTERVAL_MS?: string;
}
