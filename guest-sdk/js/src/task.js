// Things in flight: what `yield` and `await` wait for.
import { decode } from "./decode.js";
import { fromHost } from "./failure.js";

export class Task {
  #hasEnded = false;
  #isFaulted = false;
  #result;
  #error;
  #parents = [];

  constructor(label, waits) {
    /** Names it in messages. */
    Object.defineProperty(this, "label", { value: label });
    /** What is told when it is awaited; none where there is nothing to wait for. */
    Object.defineProperty(this, "waits", { value: waits });
  }

  // Whoever asks how it ended has seen that it did: see `look`.

  get isCompleted() {
    this.look();
    return this.#hasEnded;
  }

  get isFaulted() {
    this.look();
    return this.#isFaulted;
  }

  get result() {
    this.look();
    return this.#result;
  }

  get error() {
    this.look();
    return this.#error;
  }

  /** As `isCompleted`, but for what the flow has not looked at yet. */
  get hasEnded() {
    return this.#hasEnded;
  }

  /** Takes what the host has said is there. */
  look() {}

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
    this.#result = result;
    this.#end();
  }

  fail(error) {
    this.#error = error;
    this.#isFaulted = true;
    this.#end();
  }

  /** `parent` hears of its end, at once if it has already ended. */
  tell(parent) {
    if (this.#hasEnded) return parent.childEnded(this);
    // Else a loop over Task.any would leave one for each round.
    while (this.#parents.at(-1)?.hasEnded) this.#parents.pop();
    this.#parents.push(parent);
  }

  /** `task`, which is this one or a part of it, is done, and the flow has not looked at it yet. */
  tellArrived(task) {
    for (const parent of this.#parents) parent.childArrived(task);
  }

  /** Whether the flow waits for it now, or for something that it is a part of. */
  get isAwaited() {
    return !this.#hasEnded && this.#parents.some((parent) => parent.isAwaited);
  }

  /** The host does not watch all of it any more. */
  unwatch() {
    for (const parent of this.#parents) parent.childUnwatched(this);
  }

  #end() {
    this.#hasEnded = true;
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
  /** As the how-manieth of those that the flow did not wait for it was done, until the flow looks at it. */
  #arrivedAs;

  constructor(label, { handle, shape, waits }) {
    super(label, waits);
    this.#handle = handle;
    this.#shape = shape;
    waits.issued(this);
  }

  get arrivedAs() {
    return this.#arrivedAs;
  }

  get handle() {
    return this.#handle;
  }

  cancel() {
    // What is done, but was not looked at, is not too late: an event goes to the next one that waits.
    if (this.hasEnded) throw new Error(`It is too late to cancel ${this.label}: it has completed.`);
    if (this.isCanceled) return;
    this.isCanceled = true;
    this.#arrivedAs = undefined;
    this.#handle.cancel();
    this.#dispose();
    this.waits.forget(this.#key);
    this.unwatch();
  }

  /** The host has said that it is done, and the flow does not wait for it. */
  arrive(arrivedAs) {
    this.#key = undefined;
    this.#arrivedAs = arrivedAs;
    this.tellArrived(this);
  }

  look() {
    if (this.#arrivedAs !== undefined) this.take();
  }

  tell(parent) {
    super.tell(parent);
    if (this.#arrivedAs !== undefined) parent.childArrived(this);
  }

  /** Takes the outcome, after the host has said that there is one. */
  take() {
    this.#arrivedAs = undefined;
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
