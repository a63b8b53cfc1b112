import type { Transport } from "../../model/app.js";
import type { Deployment, DeploymentSelection } from "../deployment.js";
import { CliError } from "../output.js";
import type { App } from "./app.js";
import type { Report } from "./report.js";

/** The options of `connect`, beside those that select a deployment. */
export interface ConnectOptions extends DeploymentSelection {
  transport?: Transport;
  logKey?: string;
  module?: string;
  fix?: boolean;
  rotate?: boolean;
  yes?: boolean;
  json?: boolean;
}

/** What every step of `connect` needs. */
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
