import type { Transport } from "../../model/app.js";
import type { Deployment, DeploymentSelection } from "../deployment.js";
import { CliError } from "../output.js";
import type { App } from "./app.js";
import type { Report } from "./report.js";

/** What `connect` takes, beside the options that select a deployment. */
export interface ConnectOptions extends DeploymentSelection {
  transport?: Transport;
  logKey?: string;
  module?: string;
  fix?: boolean;
  rotate?: boolean;
  yes?: boolean;
  json?: boolean;
}

/** What each step of `connect` works with. */
export interface Context {
  options: ConnectOptions;
  deployment: Deployment;
  app: App;
  /** The deployment's variables. A step that sets one sets it here, too. */
  variables: Record<string, string>;
  report: Report;
}

/** The deployment cannot have this transport: another one may take its place. */
export class Unavailable extends CliError {
  override name = "Unavailable";
}
