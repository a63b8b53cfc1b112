import { Backend, type Isolates } from "../../tests/simulation/engine/backend";
import type { StrategyName } from "./app";
import { Clockwork } from "./clockwork";
import { Meter } from "./meter";
import { type Deployment, ENV, goodWeather, START } from "./player";

/** The app with a strategy and nobody in it yet, with its clock, and what counts what its functions take. */
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
