import { Backend, type Isolates } from "../../tests/simulation/engine/backend";
import type { StrategyName } from "./app";
import { Clockwork } from "./clockwork";
import { Meter } from "./meter";
import { type Deployment, ENV, goodWeather, START } from "./player";

/** An app with a strategy, without data and clients, with its clock and a meter of its functions. */
export function meteredBackend(strategy: StrategyName, isolates: Isolates<Deployment>) {
  const clock = new Clockwork(START);
  const meter = new Meter();
  const backend = new Backend<Deployment>(
    isolates,
    { strategy },
    clock,
    { pick: () => 0 },
    goodWeather(() => 0),
    { onCommit() {}, onEnd: (kind, ended) => meter.onEnd(kind, ended), onConflict() {} },
  );
  backend.env = ENV;
  return { backend, clock, meter };
}
