// A run of an async flow: what a test asks of it is done one after the other, and `await` gives the run at rest.

/** `run` is a promise of the run. */
export class RunLater {
  #run;

  constructor(run) {
    this.#run = run;
  }

  then(onFulfilled, onRejected) {
    return this.#run.then(onFulfilled, onRejected);
  }
}

/** Gives it what a run has: its functions, to be done later, and its state, which has to be awaited first. */
export function likeRun(Run) {
  for (const [key, { get }] of Object.entries(Object.getOwnPropertyDescriptors(Run.prototype))) {
    if (key === "constructor") continue;
    Object.defineProperty(RunLater.prototype, key, get ? { get: tooEarly(key) } : { value: later(key) });
  }
}

function later(key) {
  return function (...args) {
    return new RunLater(this.then((run) => run[key](...args)));
  };
}

function tooEarly(key) {
  return () => {
    throw new TypeError(`An async orchestrator takes its time: \`const run = await play(...)\`, and then run.${key}.`);
  };
}
