/**
 * `npm run fuzz` gives broken and forged requests, seals and envelopes to the code that receives them.
 *
 *   npm run fuzz -- [--inputs 1000000] [--seed 0] [--json]
 *
 * An input depends on its seed alone: `--inputs 1 --seed <its seed>` runs a failing one again. With --json the last
 * line is the report as one JSON object. It shows its progress on stderr. Ctrl-C ends it with the report of the inputs
 * that were run, and `interrupted: true`.
 */
import { parseArgs } from "node:util";
import { interruption } from "../tools/interruption.js";
import { Progress } from "../tools/progress.js";
import { wholeNumber } from "../tools/wholeNumber.js";
import { type Failure, fuzz } from "./run.js";

/** The number of failures that are printed; more are only counted. */
const MAX_SHOWN = 20;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      inputs: { type: "string", default: "1000000" },
      seed: { type: "string", default: "0" },
      json: { type: "boolean", default: false },
    },
  });
  const inputs = wholeNumber("inputs", values.inputs);
  const seed = wholeNumber("seed", values.seed);
  const signal = interruption();
  let failures = 0;
  const begun = performance.now();
  const progress = new Progress({ program: "fuzz", steps: "inputs", total: inputs });
  const report = await fuzz(
    { inputs, seed, signal },
    (failure) => {
      failures++;
      if (failures <= MAX_SHOWN) progress.print(`${describe(failure)}\n`);
    },
    (done) => progress.update(done),
  );
  progress.stop();
  const inputsPerSecond = Math.round((report.inputs * 1_000) / (performance.now() - begun));
  if (signal.aborted) console.log(`interrupted: ${report.inputs} of ${inputs} inputs were run`);
  console.log(`${report.inputs} inputs, ${inputsPerSecond} a second: ${failures} failures`);
  if (values.json) {
    const interrupted = signal.aborted ? { interrupted: true } : {};
    console.log(JSON.stringify({ ...report, inputsPerSecond, ...interrupted }));
  }
  if (failures > 0) process.exitCode ??= 1;
}

/** The fault, the command that runs the input again, and the input itself. */
function describe({ seed, input, kind, reason }: Failure): string {
  const text = JSON.stringify(input, (_, value) =>
    value?.type === "Buffer" ? { base64: Buffer.from(value.data).toString("base64") } : value,
  );
  return [
    `${kind}: ${reason}`,
    `  again: npm run fuzz -- --inputs 1 --seed ${seed}`,
    `  input (base64 of JSON): ${Buffer.from(text).toString("base64")}`,
  ].join("\n");
}

await main();
