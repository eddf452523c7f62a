// Registration: `app.orchestration(name, function* ...)` and `app.activity(name, { handler })`.
import { engine } from "./engine.js";
import { Failure } from "./failure.js";
import { isAsync, isAsyncGenerator } from "./kinds.js";
import { activities, orchestrators } from "./registry.js";

export const app = {
  orchestration(name, options) {
    const { handler } = read("orchestration", name, options);
    if (isAsyncGenerator(handler)) throw asyncGenerator(name);
    if (isAsync(handler) && !engine.canAwait) throw asyncOrchestrator(name);
    orchestrators.add(name, { handler });
  },

  activity(name, options) {
    const { handler, input } = read("activity", name, options);
    if (isAsync(handler)) throw asyncActivity(name);
    activities.add(name, { handler, input });
  },
};

export function asyncOrchestrator(name) {
  return new Failure(
    "async-orchestrator",
    `Orchestrator ${name} is an async function, which the engine (${engine.name}) cannot go on with while its host ` +
      `waits: write app.orchestration("${name}", function* (context) { ... }), with yield in place of await, ` +
      "or build with the engine that can: dacapo-js build --engine starlingmonkey.",
  );
}

function asyncGenerator(name) {
  return new Failure(
    "async-orchestrator",
    `Orchestrator ${name} is an async function*: it can be a function*, which yields tasks, or an async function, ` +
      "which awaits them; not both.",
  );
}

export function asyncActivity(name) {
  return new Failure(
    "async-activity",
    `Activity ${name} is an async function, and there is nothing that it could wait for: activities of modules have ` +
      "neither timers nor a network here. Write a plain function that returns its result. " +
      "What has to wait for the network can be a service that Dacapo calls, or context.df.callHttp.",
  );
}

function read(verb, name, options) {
  const where = `app.${verb}(${JSON.stringify(name) ?? String(name)}, ...)`;
  if (typeof name !== "string" || name === "") {
    throw new TypeError(`${where}: the name has to be a string with something in it.`);
  }
  const read = typeof options === "function" ? { handler: options } : options;
  if (typeof read?.handler !== "function") {
    throw new TypeError(`${where} has no handler: give it a function, or { handler: a function }.`);
  }
  return read;
}
