// The exported interface `activities`.
import * as host from "dacapo:orchestration/activity-context@0.1.0";
import { runActivity } from "../activity.js";
import { activities as registry } from "../registry.js";
import { takeNetwork } from "../sandbox.js";
import { failing } from "./failing.js";
import { seedRandom } from "./random.js";
import { giveBack } from "./world.js";

export const activities = {
  names: () => registry.names(),

  run: (name, input) =>
    failing(host, () => {
      const activity = registry.get(name);
      giveBack();
      seedRandom(`${host.idempotencyKey()} ${host.attempt()} ${Date.now()}`);
      takeNetwork(activity.name);
      return runActivity(host, activity, input);
    }),
};
