// Things in flight: what `yield` waits for.
import { decode } from "./decode.js";
import { fromHost } from "./failure.js";

export class Task {
  isCompleted = false;
  isFaulted = false;
  result = undefined;
  error = undefined;
  #parents = [];

  constructor(label) {
    /** Names it in messages. */
    Object.defineProperty(this, "label", { value: label });
  }

  /** `yield* task` is `yield task`, with a type that TypeScript can tell. */
  *[Symbol.iterator]() {
    return yield this;
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

/** An activity, an event, a timer or a child orchestration, with the host's handle on it. */
export class HostTask extends Task {
  isCanceled = false;
  #handle;
  #shape;

  constructor(label, handle, shape) {
    super(label);
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
