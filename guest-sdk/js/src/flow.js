// Drives one play of an orchestrator: go on to the next `yield`, wait for what was yielded, and hand its outcome back.
import { asyncOrchestrator } from "./app.js";
import { orchestrationContext } from "./context.js";
import { encode } from "./encode.js";
import { Failure } from "./failure.js";
import { Task } from "./task.js";

/**
 * A generator that yields lists of handles, one of which has to be done before it is resumed with that one's index;
 * it returns the output as JSON text. So a guest can park in its host, and a test can look at a flow at rest.
 * `inside` runs the orchestrator's own code, from one wait to the next.
 */
export function* drive(host, { name, handler }, inside = (go) => go()) {
  const context = orchestrationContext(host, name);
  const flow = inside(() => handler(context));
  if (!isGenerator(flow)) return finish(name, flow);

  let go = () => flow.next();
  for (let yields = 1; ; yields += 1) {
    const { done, value } = inside(go);
    if (done) return finish(name, value);
    const problem = cannotWait(value, name, yields);
    if (problem) {
      go = () => flow.throw(problem);
      continue;
    }
    try {
      while (!value.isCompleted) {
        const open = leaves(value);
        const index = yield open.map(({ handle }) => handle);
        open[index].take();
      }
      go = value.isFaulted ? () => flow.throw(value.error) : () => flow.next(value.result);
    } catch (error) {
      go = () => flow.throw(error);
    }
  }
}

/** What is still open, in the order of the code. */
function leaves(task) {
  const open = new Set();
  task.openLeaves(open);
  return [...open];
}

function finish(name, output) {
  if (output instanceof Promise) throw asyncOrchestrator(name);
  return encode(output, `the output of orchestrator ${name}`, "output");
}

function isGenerator(value) {
  return typeof value?.next === "function" && typeof value?.throw === "function";
}

function cannotWait(value, name, yields) {
  if (value instanceof Task) return undefined;
  return new Failure(
    "invalid-yield",
    `Orchestrator ${name}, yield number ${yields}: ${describe(value)} ` +
      "Yield only tasks, which the calls of context.df return.",
  );
}

function describe(value) {
  if (value === undefined) return "it yields undefined; is a call missing, or a `return` in a function that makes one?";
  if (value instanceof Promise) return "it yields a promise; what is async belongs into an activity.";
  if (Array.isArray(value)) return "it yields an array; use context.df.Task.all([...]) or context.df.Task.any([...]).";
  if (isGenerator(value)) return "it yields a generator; use `yield*` to run it as a part of this one.";
  if (typeof value === "function") return `it yields the function ${value.name || "without a name"}; call it.`;
  return `it yields ${typeof value === "object" ? "an object" : String(value)}, which is not a task.`;
}
