// The exported interface `orchestrators`: plays a flow, parked in the host wherever it waits.
import host from "dacapo:orchestration/context@0.1.0";
import { drive } from "../flow.js";
import { orchestrators as registry } from "../registry.js";
import { takeWorld } from "../sandbox.js";
import { failing } from "./failing.js";

export const orchestrators = {
  names: () => registry.names(),

  run: (name) =>
    failing(host, () => {
      const orchestrator = registry.get(name);
      // For good: an instance of the module plays one flow, and nothing after it.
      takeWorld(orchestrator.name);
      const flow = drive(host, orchestrator);
      let step = flow.next();
      while (!step.done) step = flow.next(host.awaitAny(step.value));
      return step.value;
    }),
};
