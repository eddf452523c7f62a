// Drives one play of an orchestrator: go on to the next `yield`, wait for what was yielded, and hand its outcome back.
import { asyncOrchestrator } from "./app.js";
import { driveAsync } from "./async-flow.js";
import { orchestrationContext } from "./context.js";
import { encode } from "./encode.js";
import { engine } from "./engine.js";
import { Failure } from "./failure.js";
import { takeRefusal } from "./sandbox.js";
import { intoTheirCode } from "./stack.js";
import { Task } from "./task.js";
import { Waits } from "./waits.js";

/**
 * Begins to play an orchestrator. What it returns yields what the flow waits for, and is resumed with the key that the
 * host answers next; it returns the output as JSON text. So a guest can park in its host, and a test can look at a flow
 * at rest. For an async orchestrator it is an async generator.
 * `inside` runs the orchestrator's own code, from one wait to the next; `settle` is what it is to an async one.
 */
export function begin(host, { name, handler }, { inside, settle }) {
  const waits = new Waits();
  const context = orchestrationContext(host, name, waits);
  const flow = inside(() => intoTheirCode(handler, "call", undefined, context));
  if (!(flow instanceof Promise)) return drive(flow, name, waits, inside);
  if (!engine.canAwait) throw asyncOrchestrator(name);
  return driveAsync(flow, name, waits, settle);
}

function* drive(flow, name, waits, inside) {
  if (!isGenerator(flow)) return finish(name, flow);

  let next = ["next"];
  for (let yields = 1; ; yields += 1) {
    takeRefusal();
    const { done, value } = inside(() => intoTheirCode(flow, ...next));
    if (done) return finish(name, value);
    const problem = cannotWait(value, name, yields);
    if (problem) {
      next = ["throw", problem];
      continue;
    }
    try {
      waits.add(value);
      while (!value.isCompleted) waits.answered(yield waits.parked())?.take();
      next = value.isFaulted ? ["throw", value.error] : ["next", value.result];
    } catch (error) {
      next = ["throw", error];
    }
  }
}

function finish(name, output) {
  return encode(output, `the output of orchestrator ${name}`, "output");
}

function isGenerator(value) {
  return typeof value?.next === "function" && typeof value?.throw === "function";
}

function cannotWait(value, name, yields) {
  if (value instanceof Task) return undefined;
  return (
    refusalIn(value) ??
    new Failure(
      "invalid-yield",
      `Orchestrator ${name}, yield number ${yields}: ${describe(value)} ` +
        "Yield only tasks, which the calls of context.df return.",
    )
  );
}

/** A refusal inside a promise is why the promise is of no use, and is heard of in no other way. */
function refusalIn(value) {
  if (!(value instanceof Promise)) return undefined;
  // It is dealt with here.
  value.catch(() => {});
  return takeRefusal();
}

function describe(value) {
  if (value === undefined) return "it yields undefined; is a call missing, or a `return` in a function that makes one?";
  if (value instanceof Promise) return `it yields a promise, which a function* cannot wait for. ${INSTEAD_OF_PROMISES}`;
  if (Array.isArray(value)) return "it yields an array; use context.df.Task.all([...]) or context.df.Task.any([...]).";
  if (isGenerator(value)) return "it yields a generator; use `yield*` to run it as a part of this one.";
  if (typeof value === "function") return `it yields the function ${value.name || "without a name"}; call it.`;
  return `it yields ${typeof value === "object" ? "an object" : String(value)}, which is not a task.`;
}

const INSTEAD_OF_PROMISES =
  "To let time pass there is createTimer, for requests callHttp; files and other modules cannot be opened here " +
  "(what is imported at the top becomes a part of the module); everything else belongs into an activity.";
