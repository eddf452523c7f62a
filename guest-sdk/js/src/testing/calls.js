// Runs the calls of a flow: by their scripts, or by the registered activities.
import { runActivity } from "../activity.js";
import { toHost } from "../failure.js";
import { activities } from "../registry.js";
import { text } from "./script.js";

/** What a script returns to stay in flight, until the test completes or fails it. */
export const held = Symbol("held");

/** All attempts of a call, with no time between them: { value }, or { failure }; undefined if it is held. */
export function runCall(call, settings, log) {
  const { maxAttempts = 1, unlessKinds = [] } = call.options?.retry ?? {};
  for (;;) {
    call.attempt += 1;
    const outcome = attempt(call, settings, log);
    if (!outcome?.failure || call.attempt >= maxAttempts || unlessKinds.includes(outcome.failure.kind)) return outcome;
  }
}

function attempt(call, settings, log) {
  const childId = call.options?.instanceId ?? `${settings.instanceId}:${call.number}`;
  if (call.options?.detached) return { value: text(childId) };
  const about = {
    instanceId: call.scripts === "activities" ? settings.instanceId : childId,
    idempotencyKey: `${settings.instanceId}/${call.number}`,
    attempt: call.attempt,
  };
  const run = script(call, settings, about, log);
  try {
    const result = run();
    return result === held ? undefined : { value: text(result) };
  } catch (thrown) {
    return { failure: toHost(thrown) };
  }
}

function script({ name, input, scripts }, settings, about, log) {
  const scripted = settings[scripts].get(name.toLowerCase());
  if (scripted) return () => scripted(input, about);
  const registered = scripts === "activities" && activities.find(name);
  if (registered) return () => JSON.parse(runActivity(activityHost(about, log), registered, text(input)));
  throw new Error(`${name} has no script: give play(...) one, as in { ${scripts}: { ${name}: (input) => ... } }.`);
}

function activityHost({ instanceId, idempotencyKey, attempt }, log) {
  return {
    instanceId: () => instanceId,
    idempotencyKey: () => idempotencyKey,
    attempt: () => attempt,
    reportProgress: () => {},
    log,
  };
}
