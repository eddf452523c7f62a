// What a flow waits for, and the tasks that its host watches for it.

export class Waits {
  #open = new Set();
  /** By the key that the host answers. */
  #watched = new Map();
  #keys = 0;
  /** What the flow has asked for since it last waited. */
  #issued = [];
  #arrived = 0;

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

  /** The flow has asked for `task`. */
  issued(task) {
    this.#issued.push(task);
  }

  /**
   * The flow waits, and the host watches all that it has asked for: what is done before the flow goes on, the flow finds
   * completed, whether it waits for it or not.
   */
  parked() {
    for (const task of this.#issued.splice(0)) if (!task.isCanceled) task.watch();
    return this;
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

  /** The task that the host has answered, if the flow waits for it now. Any other is there when the flow looks at it. */
  answered(key) {
    const task = this.#watched.get(key);
    this.forget(key);
    if (task.isAwaited) return task;
    task.arrive(++this.#arrived);
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
