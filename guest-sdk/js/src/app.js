// Registration: `app.orchestration(name, function* ...)` and `app.activity(name, { handler })`.
import { Failure } from "./failure.js";
import { activities, orchestrators } from "./registry.js";

const AsyncFunction = (async () => {}).constructor;
const AsyncGeneratorFunction = async function* () {}.constructor;

export const app = {
  orchestration(name, options) {
    const { handler } = read("orchestration", name, options);
    if (isAsync(handler)) throw asyncOrchestrator(name);
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
    `Orchestrator ${name} is an async function, which the engine (QuickJS) cannot go on with while its host waits: ` +
      `write app.orchestration("${name}", function* (context) { ... }), with yield in place of await.`,
  );
}

export function asyncActivity(name) {
  return new Failure(
    "async-activity",
    `Activity ${name} is an async function, which the engine (QuickJS) cannot go on with while its host waits: ` +
      "write a plain function that returns its result. What has to wait for the network can be a service that Dacapo calls, or context.df.callHttp.",
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

function isAsync(handler) {
  return handler instanceof AsyncFunction || handler instanceof AsyncGeneratorFunction;
}
