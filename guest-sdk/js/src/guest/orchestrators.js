// The exported interface `orchestrators`: plays a flow, parked in the host wherever it waits.
import * as host from "dacapo:orchestration/context@0.1.0";
import { engine } from "../engine.js";
import { begin } from "../flow.js";
import { orchestrators as registry } from "../registry.js";
import { failing } from "./failing.js";
import { rehearse } from "./rehearsal.js";
import { playing } from "./world.js";

export const orchestrators = {
  names: () => registry.names(),

  run: (name) =>
    failing(host, () => {
      const orchestrator = registry.get(name);
      // For good: an instance of the module plays one flow, and nothing after it.
      Object.assign(playing, orchestrator);
      const flow = begin(host, orchestrator, { inside: (go) => go(), settle: engine.settle });
      const step = flow.next();
      return step instanceof Promise ? playAsync(flow, step) : play(flow, step);
    }),
};

function play(flow, step) {
  while (!step.done) step = flow.next(host.awaitNext());
  return step.value;
}

async function playAsync(flow, first) {
  let step = await first;
  while (!step.done) step = await flow.next(host.awaitNext());
  return step.value;
}

rehearse();
