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
      const end = () => (this.isFaulted ? reject(this.error) : resolve());
      if (this.isCompleted) end();
      else this.waits.add(this, end, reject);
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
    if (this.isCompleted) return parent.childEnded(this);
    // Else a loop over Task.any would leave one for each round.
    while (this.#parents.at(-1)?.isCompleted) this.#parents.pop();
    this.#parents.push(parent);
  }

  /** Whether the flow waits for it now, or for something that it is a part of. */
  get isAwaited() {
    return !this.isCompleted && this.#parents.some((parent) => parent.isAwaited);
  }

  /** The host does not watch all of it any more. */
  unwatch() {
    for (const parent of this.#parents) parent.childUnwatched(this);
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
  /** What the host knows it by while it watches it. */
  #key;

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
    this.waits.forget(this.#key);
    this.unwatch();
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

  /** Lets the host watch what is still open of it. */
  watch() {
    if (this.isCanceled) throw new Error(`Cannot wait for ${this.label}: it was cancelled.`);
    if (!this.isCompleted) this.#key ??= this.waits.watch(this);
  }

  unwatch() {
    this.#key = undefined;
    super.unwatch();
  }

  #dispose() {
    // Some engines never collect handles during a call, and the host would hold them to the end.
    this.#handle[Symbol.dispose]?.();
    this.#handle = undefined;
  }
}
