// Things in flight: what `yield` and `await` wait for.
import { decode } from "./decode.js";
import { fromHost } from "./failure.js";

export class Task {
  isCompleted = false;
  isFaulted = false;
  result = undefined;
  error = undefined;
  #parents = [];

  constructor(label, waits) {
    /** Names it in messages. */
    Object.defineProperty(this, "label", { value: label });
    /** What is told when it is awaited; none where there is nothing to wait for. */
    Object.defineProperty(this, "waits", { value: waits });
  }

  /** `yield* task` is `yield task`, with a type that TypeScript can tell. */
  *[Symbol.iterator]() {
    return yield this;
  }

  /** What `await` calls. */
  then(onFulfilled, onRejected) {
    const ended = new Promise((resolve, reject) => {
      this.tell({ childEnded: () => (this.isFaulted ? reject(this.error) : resolve()) });
      if (!this.isCompleted) this.waits.add(this, reject);
    });
    return ended.then(() => give(this.result, onFulfilled), onRejected);
  }

  catch(onRejected) {
    return this.then(undefined, onRejected);
  }

  finally(onEnded) {
    return this.then((result) => result).finally(onEnded);
  }

  complete(result) {
    this.result = result;
    this.#end();
  }

  fail(error) {
    this.error = error;
    this.isFaulted = true;
    this.#end();
  }

  /** `parent` hears of its end, at once if it has already ended. */
  tell(parent) {
    if (this.isCompleted) parent.childEnded(this);
    else this.#parents.push(parent);
  }

  #end() {
    this.isCompleted = true;
    for (const parent of this.#parents.splice(0)) parent.childEnded(this);
  }
}

/**
 * Hands a result to whoever awaits it. A promise would wait for a task that it is given, so that `await Task.any(...)`
 * could never give the task that was first: while a promise looks at it, it does not look like one.
 */
function give(result, onFulfilled) {
  if (typeof onFulfilled !== "function") return result;
  if (!(result instanceof Task)) return onFulfilled(result);
  Object.defineProperty(result, "then", { value: undefined, configurable: true });
  try {
    return onFulfilled(result);
  } finally {
    delete result.then;
  }
}

/** An activity, an event, a timer or a child orchestration, with the host's handle on it. */
export class HostTask extends Task {
  isCanceled = false;
  #handle;
  #shape;

  constructor(label, { handle, shape, waits }) {
    super(label, waits);
    this.#handle = handle;
    this.#shape = shape;
  }

  get handle() {
    return this.#handle;
  }

  cancel() {
    if (this.isCompleted) throw new Error(`It is too late to cancel ${this.label}: it has completed.`);
    if (this.isCanceled) return;
    this.isCanceled = true;
    this.#handle.cancel();
    this.#dispose();
  }

  /** Takes the outcome, after the host has said that there is one. */
  take() {
    let text;
    try {
      text = this.#handle.outcome();
    } catch (thrown) {
      if (!thrown?.payload) throw thrown;
      this.#dispose();
      return this.fail(fromHost(thrown.payload));
    }
    this.#dispose();
    try {
      this.complete(decode(text, this.label, this.#shape));
    } catch (error) {
      this.fail(error);
    }
  }

  openLeaves(into) {
    if (this.isCompleted) return;
    if (this.isCanceled) throw new Error(`Cannot wait for ${this.label}: it was cancelled.`);
    into.add(this);
  }

  #dispose() {
    // Some engines never collect handles during a call, and the host would hold them to the end.
    this.#handle[Symbol.dispose]?.();
    this.#handle = undefined;
  }
}
