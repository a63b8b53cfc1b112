import type { Secrets } from "./inputs.js";

/** The fixed time of every run, so that a replayed input has the same bytes. */
export const NOW = Date.UTC(2026, 0, 1);

const VARIABLES = {
  effect: "LAZY_VIEWS_SECRET",
  previous: "LAZY_VIEWS_SECRET_PREVIOUS",
  stream: "LAZY_VIEWS_STREAM_SECRET",
  previousStream: "LAZY_VIEWS_STREAM_SECRET_PREVIOUS",
} as const satisfies Record<keyof Secrets, string>;
const LEVELS = ["log", "debug", "info", "warn", "error", "trace"] as const;

/** The environment of the code under test: a clock that stands still, a console that counts lines, and secrets. */
export class Surroundings {
  consoleLines = 0;
  private readonly clock = Date.now;
  private readonly levels = LEVELS.map((level) => [level, console[level]] as const);
  private readonly secrets = Object.values(VARIABLES).map((name) => [name, process.env[name]] as const);

  constructor() {
    Date.now = () => NOW;
    for (const level of LEVELS) {
      console[level] = () => {
        this.consoleLines++;
      };
    }
  }

  setSecrets(secrets: Secrets): void {
    for (const [name, variable] of Object.entries(VARIABLES)) {
      process.env[variable] = secrets[name as keyof Secrets];
    }
  }

  /** Restores the clock, the console and the variables. */
  leave(): void {
    Date.now = this.clock;
    for (const [level, write] of this.levels) console[level] = write;
    for (const [name, secret] of this.secrets) {
      if (secret === undefined) delete process.env[name];
      else process.env[name] = secret;
    }
  }
}
