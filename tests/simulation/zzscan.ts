import type { Deployment } from "./app.js";
import { compileApp } from "./compileApp.js";
import { Isolates } from "./engine/backend.js";
import { historyOf } from "./history.js";
import { simulate } from "./simulation.js";

const [from, count] = process.argv.slice(2).map(Number) as [number, number];
const isolates = new Isolates<Deployment>(await compileApp());
const t = Date.now();
for (let seed = from; seed < from + count; seed++) {
  const t1 = Date.now();
  const { violation } = await simulate(historyOf(seed), isolates);
  const ms = Date.now() - t1;
  if (violation !== null || ms > 5000) console.log(seed, ms, violation?.slice(0, 250));
  if ((seed - from) % 1000 === 999) console.log("...", seed, Date.now() - t);
  await new Promise((r) => setImmediate(r));
}
console.log("END");
