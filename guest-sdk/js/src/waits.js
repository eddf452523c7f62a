// What a flow waits for, and the tasks that its host watches for it.

export class Waits {
  #open = new Set();
  /** By the key that the host answers. */
  #watched = new Map();
  #keys = 0;

  get isEmpty() {
    return this.#open.size === 0;
  }

  /** The tasks that are waited for, in the order of the code. */
  *[Symbol.iterator]() {
    for (const { task } of this.#open) yield task;
  }

  /**
   * From now on the flow waits for `task`; throws if that cannot be. `end` is called when the task is done, `refuse`
   * when it can no more be waited for; a `yield` needs neither.
   */
  add(task, end, refuse) {
    task.watch();
    task.tell(new Wait(task, this.#open, end, refuse));
  }

  /** The host is to answer the key that this returns, once `task` is done. */
  watch(task) {
    const key = this.#keys++;
    task.handle.watch(key);
    this.#watched.set(key, task);
    return key;
  }

  forget(key) {
    this.#watched.delete(key);
  }

  awaits(key) {
    return this.#watched.get(key).isAwaited;
  }

  /**
   * The task that the host has answered, if the flow waits for it now. Any other is watched again when it does: the host
   * knows in which order tasks were done, and gives an event back when one that nobody has taken is cancelled.
   */
  answered(key) {
    const task = this.#watched.get(key);
    this.forget(key);
    if (task.isAwaited) return task;
    task.unwatch();
    return undefined;
  }
}

/** A `yield` or an `await`, until its task is done. */
class Wait {
  #open;
  #end;
  #refuse;

  constructor(task, open, end, refuse) {
    this.task = task;
    this.#open = open.add(this);
    this.#end = end;
    this.#refuse = refuse;
  }

  get isAwaited() {
    return this.#open.has(this);
  }

  childEnded() {
    this.#open.delete(this);
    this.#end?.();
  }

  /** Something in the task was cancelled: it may be that there is nothing to wait for any more. */
  childUnwatched() {
    try {
      this.task.watch();
    } catch (error) {
      this.#open.delete(this);
      this.#refuse(error);
    }
  }
}
