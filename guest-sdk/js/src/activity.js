// Runs an activity, and what it may know about the call.
import { asyncActivity } from "./app.js";
import { decode } from "./decode.js";
import { encode } from "./encode.js";
import { logger } from "./log.js";
import { intoTheirCode } from "./stack.js";

/** The result as JSON text. */
export function runActivity(host, { name, handler, input: shape }, text) {
  const input = decode(text, `the input of activity ${name}`, shape);
  const result = intoTheirCode(handler, "call", undefined, input, activityContext(host, name));
  if (result instanceof Promise) throw asyncActivity(name);
  return encode(result, `the result of activity ${name}`, "result");
}

function activityContext(host, name) {
  return {
    functionName: name,
    log: logger(host),
    get instanceId() {
      return host.instanceId();
    },
    /** The same for every attempt and every re-run of this call; different for any other call. */
    get idempotencyKey() {
      return host.idempotencyKey();
    },
    /** 1 for the first attempt. */
    get attempt() {
      return host.attempt();
    },
    /** Shown in the instance's status while the activity runs; not durable. */
    reportProgress(value) {
      host.reportProgress(encode(value, `the progress of activity ${name}`, "progress"));
    },
  };
}
