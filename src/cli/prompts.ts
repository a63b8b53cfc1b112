import { confirm, isCancel, password, select } from "@clack/prompts";
import { CliError } from "./output.js";

/** Whether questions can be asked: input and output are a terminal, and this is not a build server. */
export const isInteractive = (): boolean =>
  process.stdin.isTTY === true && process.stderr.isTTY === true && !process.env.CI;

/** One of the answers that a question offers. */
export interface Choice<Value extends string> {
  value: Value;
  label: string;
}

// Questions go to stderr: stdout is for the result.
const output = process.stderr;

/** @throws CliError when the user ends the question. */
function answered<Answer>(answer: Answer): Exclude<Answer, symbol> {
  if (isCancel(answer)) throw new CliError("Stopped at the question.");
  return answer as Exclude<Answer, symbol>;
}

/** Asks the user to choose. @throws CliError when the user ends the question. */
export async function choose<Value extends string>(message: string, choices: Choice<Value>[]): Promise<Value> {
  return answered(await select<string>({ message, options: choices, output })) as Value;
}

/** Asks yes or no; Enter alone is no. @throws CliError when the user ends the question. */
export async function agree(message: string): Promise<boolean> {
  return answered(await confirm({ message, initialValue: false, output }));
}

/** Asks for a secret, which the terminal does not show. @throws CliError when the user ends the question. */
export async function askSecret(message: string): Promise<string> {
  return answered(await password({ message, output }));
}
