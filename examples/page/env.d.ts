/// <reference types="vite/client" />

interface ImportMetaEnv {
  /** The deployment that the page talks to. */
  readonly VITE_CONVEX_URL?: string;
  /** How often the deployment's log stream delivers; unset for a real one. */
  readonly VITE_LOG_STREAM_INTERVAL_MS?: string;
}
