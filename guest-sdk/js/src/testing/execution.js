// One execution of an orchestrator: it goes on until it waits for what only a test can do, or ends.
import { toHost } from "../failure.js";
import { begin } from "../flow.js";
import { Host } from "./host.js";
import { replay } from "./replay.js";
import { settings } from "./script.js";
import { world } from "./world.js";

export class Execution {
  host;
  /** { output } as JSON text, or { failure }; an execution that continues as new has neither. */
  end = undefined;
  #entry;
  #script;
  #flow;
  #step;
  /** What the host has answered so far, for replay. */
  #answers = [];

  constructor(entry, script) {
    this.#entry = entry;
    this.#script = { settings: settings(script), replay: script.replay ?? true };
    this.host = new Host(this.#script.settings);
  }

  /** The commands that the flow waits for, in the order of the code. */
  get waitingFor() {
    return this.end ? [] : [...openNumbers(this.#step.value)].map((number) => this.host.commands[number]);
  }

  // Procedures for `proceed`: those of an async flow take time.

  *start() {
    yield* this.#go(() => {
      this.#flow = begin(this.host, this.#entry, world(this.#entry));
      return this.#flow.next();
    });
    yield* this.settle();
  }

  /** Lets the flow go on as long as something it waits for is done. */
  *settle() {
    if (this.end) return;
    const before = this.#answers.length;
    for (let number; !this.end && (number = this.host.poll(this.#step.value)) !== undefined;) {
      this.#answers.push({ number, now: this.host.now, outcome: this.host.peek(number) });
      yield* this.#go(() => this.#flow.next(this.host.answer(number)));
    }
    if (this.#answers.length > before && this.#script.replay) {
      yield* replay(this.#entry, this.#script.settings, this.#answers, this.host.commands);
    }
  }

  *#go(resume) {
    try {
      this.#step = yield resume();
      if (this.#step.done) this.end = this.host.continued ? {} : { output: this.#step.value };
    } catch (thrown) {
      const { kind, message, details } = toHost(thrown);
      this.end = { failure: { kind, message, details: details === null ? undefined : JSON.parse(details) } };
    }
  }
}

function openNumbers(tasks, into = new Set()) {
  for (const task of tasks) {
    if (task.isCompleted) continue;
    if (task.children) openNumbers(task.children, into);
    else into.add(task.handle.number);
  }
  return into;
}
