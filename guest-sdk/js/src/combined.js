// Tasks that are made of others: all of them, or any of them.
import { Task } from "./task.js";

class CombinedTask extends Task {
  /** The children that the host may not watch yet, the first one last: no wait has to look at all of them. */
  #unwatched;
  /** Parts of it that are done, and that the flow has not looked at yet. */
  #arrived = [];

  constructor(verb, children) {
    super(`Task.${verb} of ${children.length}`, children.find((child) => child.waits)?.waits);
    this.children = children;
    this.#unwatched = [...children].reverse();
  }

  watch() {
    if (this.isCompleted) return;
    for (const left = this.#unwatched; left.length > 0; left.pop()) left.at(-1).watch();
  }

  childArrived(task) {
    if (this.hasEnded) return;
    this.#arrived.push(task);
    this.tellArrived(task);
  }

  /** In the order in which they were done, and no further than it takes: an event that is not needed can be given back. */
  look() {
    if (this.#arrived.length === 0) return;
    // Of those that have been looked at or cancelled since, there is nothing left to take.
    const arrived = this.#arrived.filter(({ arrivedAs }) => arrivedAs !== undefined);
    arrived.sort((a, b) => a.arrivedAs - b.arrivedAs);
    this.#arrived = [];
    for (const task of arrived) if (!this.hasEnded) task.look();
  }

  tell(parent) {
    super.tell(parent);
    if (!this.hasEnded) for (const task of this.#arrived) parent.childArrived(task);
  }

  childUnwatched(child) {
    if (this.#unwatched.push(child) === 1) this.unwatch();
  }
}

/** Done with all results, in the order of the list, or with the first failure. */
export class AllTask extends CombinedTask {
  #missing;

  constructor(children) {
    super("all", children);
    this.#missing = children.length;
    if (children.length === 0) this.complete([]);
    for (const child of children) child.tell(this);
  }

  childEnded(child) {
    if (this.hasEnded) return;
    this.#missing -= 1;
    if (child.isFaulted) this.fail(child.error);
    else if (this.#missing === 0) this.complete(this.children.map(({ result }) => result));
  }
}

/** Done with the first of its tasks that is done, be it well or not. */
export class AnyTask extends CombinedTask {
  constructor(children) {
    super("any", children);
    for (const child of children) child.tell(this);
  }

  childEnded(child) {
    if (!this.hasEnded) this.complete(child);
  }
}

export const Combinators = {
  all: (tasks) => new AllTask(list("all", tasks)),
  any: (tasks) => {
    const children = list("any", tasks);
    if (children.length === 0) {
      throw new TypeError("Task.any of an empty list would wait for ever: give it at least one task.");
    }
    return new AnyTask(children);
  },
};

function list(verb, tasks) {
  if (!Array.isArray(tasks)) throw new TypeError(`Task.${verb} takes a list of tasks, as in Task.${verb}([a, b]).`);
  const index = tasks.findIndex((task) => !(task instanceof Task));
  if (index >= 0) {
    throw new TypeError(
      `Task.${verb}: item ${index} of the list is not a task; give what the calls of context.df return.`,
    );
  }
  return [...tasks];
}
