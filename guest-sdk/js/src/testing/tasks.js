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
}

export class Tasks {
  /** By command number: { event?, fireAt?, done?, outcome?, cancelled?, taken? } */
  #tasks = new Map();
  #buffered = [];
  #done = 0;

  constructor(buffered) {
    this.#buffered = [...buffered];
  }

  add(number, task = {}) {
    this.#tasks.set(number, task);
  }

  addTimer(number, fireAt) {
    this.add(number, { fireAt });
  }

  addEvent(number, name) {
    this.add(number, { event: name.toLowerCase() });
    const index = this.#buffered.findIndex((event) => event.name.toLowerCase() === name.toLowerCase());
    if (index >= 0) this.#give(number, this.#buffered.splice(index, 1)[0]);
  }

  raise(name, data) {
    for (const [number, task] of this.#tasks) {
      if (isOpen(task) && task.event === name.toLowerCase()) return this.#give(number, { name, data });
    }
    this.#buffered.push({ name, data });
  }

  fire(now) {
    const due = [...this.#tasks].filter(([, task]) => isOpen(task) && task.fireAt <= now);
    due.sort(([, a], [, b]) => a.fireAt - b.fireAt);
    for (const [number] of due) this.finish(number, { value: "null" });
  }

  nextTimer() {
    const open = [...this.#tasks.values()].filter((task) => isOpen(task) && task.fireAt !== undefined);
    return open.length > 0 ? Math.min(...open.map(({ fireAt }) => fireAt)) : undefined;
  }

  finish(number, outcome) {
    const task = this.#tasks.get(number);
    if (!isOpen(task)) return;
    this.#done += 1;
    Object.assign(task, { done: this.#done, outcome });
  }

  /** The position of the one that was done first. */
  first(numbers) {
    let best;
    numbers.forEach((number, position) => {
      const task = this.#tasks.get(number);
      if (task.taken || task.cancelled)
        throw new Error(`Task ${number} is awaited, but it was taken or cancelled before.`);
      if (task.done && (best === undefined || task.done < best.done)) best = { done: task.done, position };
    });
    return best?.position;
  }

  peek(number) {
    return this.#tasks.get(number).outcome;
  }

  take(number) {
    const task = this.#tasks.get(number);
    task.taken = true;
    return task.outcome;
  }

  cancel(number) {
    const task = this.#tasks.get(number);
    if (task.given && !task.taken) this.#buffered.unshift(task.given);
    task.given = undefined;
    task.cancelled = true;
  }

  /** Events that nothing has consumed. */
  kept() {
    const given = [...this.#tasks.values()].filter((task) => task.given && !task.taken).map((task) => task.given);
    return [...given, ...this.#buffered];
  }

  #give(number, event) {
    this.#tasks.get(number).given = event;
    this.finish(number, { value: event.data });
  }
}

function isOpen(task) {
  return !task.done && !task.cancelled;
}
