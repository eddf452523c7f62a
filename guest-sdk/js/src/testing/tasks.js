// The tasks of a play: what is in flight, what is done, in which order.

export class Handle {
  constructor(host, number) {
    this.host = host;
    this.number = number;
  }

  outcome() {
    const { value, failure } = this.host.outcome(this.number);
    if (failure) throw { payload: failure };
    return value;
  }

  cancel() {
    this.host.cancel(this.number);
  }

  watch(key) {
    this.host.watch(this.number, key);
  }
}

export class Tasks {
  /** By command number: { event?, given?, outcome?, cancelled?, taken? } */
  #tasks = new Map();
  /** Those that are done, in the order in which they were, until they are taken or cancelled. */
  #done = new Set();
  /** The keys of those that are watched. */
  #watched = new Map();
  /** When those timers fire that are armed. */
  #timers = new Map();
  /** Events that nothing has taken, each with its number of all that were raised. */
  #buffered = [];
  #raised = 0;

  constructor(buffered) {
    for (const { name, data } of buffered) this.raise(name, data);
  }

  add(number, task = {}) {
    this.#tasks.set(number, task);
  }

  addTimer(number, fireAt) {
    this.add(number);
    this.#timers.set(number, fireAt);
  }

  addEvent(number, name) {
    this.add(number, { event: name.toLowerCase() });
    const index = this.#buffered.findIndex((event) => event.name.toLowerCase() === name.toLowerCase());
    if (index >= 0) this.#give(number, this.#buffered.splice(index, 1)[0]);
  }

  raise(name, data) {
    this.#raised += 1;
    this.#offer({ name, data, raisedAs: this.#raised });
  }

  fire(now) {
    const due = [...this.#timers].filter(([, fireAt]) => fireAt <= now);
    due.sort(([, a], [, b]) => a - b);
    for (const [number] of due) this.finish(number, { value: "null" });
  }

  nextTimer() {
    return this.#timers.size > 0 ? Math.min(...this.#timers.values()) : undefined;
  }

  finish(number, outcome) {
    const task = this.#tasks.get(number);
    if (!isOpen(task)) return;
    task.outcome = outcome;
    this.#done.add(number);
    this.#timers.delete(number);
  }

  watch(number, key) {
    const task = this.#tasks.get(number);
    if (task.taken || task.cancelled)
      throw new Error(`Task ${number} is awaited, but it was taken or cancelled before.`);
    this.#watched.set(number, key);
  }

  /** Of those that are watched, the one that was done first. */
  first() {
    for (const number of this.#done) if (this.#watched.has(number)) return number;
    return undefined;
  }

  key(number) {
    return this.#watched.get(number);
  }

  /** Its key, which is answered once. */
  answer(number) {
    const key = this.key(number);
    if (!this.#watched.delete(number)) throw new Error(`Task ${number} is not watched.`);
    return key;
  }

  peek(number) {
    return this.#tasks.get(number).outcome;
  }

  take(number) {
    const task = this.#tasks.get(number);
    this.#leave(number);
    task.taken = true;
    return task.outcome;
  }

  cancel(number) {
    const task = this.#tasks.get(number);
    this.#leave(number);
    task.cancelled = true;
    if (task.given && !task.taken) this.#offer(task.given);
    task.given = undefined;
  }

  /** Events that nothing has consumed. */
  kept() {
    const given = [...this.#tasks.values()].filter((task) => task.given && !task.taken).map((task) => task.given);
    return [...given, ...this.#buffered].sort(byRaised);
  }

  #leave(number) {
    this.#timers.delete(number);
    this.#done.delete(number);
    this.#watched.delete(number);
  }

  /** To the task that has waited longest for it, or into the buffer, in the order in which events were raised. */
  #offer(event) {
    for (const [number, task] of this.#tasks) {
      if (isOpen(task) && task.event === event.name.toLowerCase()) return this.#give(number, event);
    }
    this.#buffered.push(event);
    this.#buffered.sort(byRaised);
  }

  #give(number, event) {
    this.#tasks.get(number).given = event;
    this.finish(number, { value: event.data });
  }
}

function byRaised(a, b) {
  return a.raisedAs - b.raisedAs;
}

function isOpen(task) {
  return !task.outcome && !task.cancelled;
}
