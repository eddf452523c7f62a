// What a test sees of an execution and does to it: events, time, and what it expects to be shown and returned.
import { deepStrictEqual, fail, strictEqual } from "node:assert/strict";
import { toHost } from "../failure.js";
import { orchestrators } from "../registry.js";
import { Execution } from "./execution.js";
import { likeRun, RunLater } from "./later.js";
import { proceed } from "./proceed.js";
import { text } from "./script.js";

/**
 * Plays an orchestrator, by its registered name or as a function, until it waits for what only the test can do.
 * The run of an async one has to be awaited.
 */
export function play(orchestrator, script = {}) {
  const entry =
    typeof orchestrator === "function"
      ? { name: orchestrator.name || "Orchestrator", handler: orchestrator }
      : orchestrators.get(orchestrator);
  return begun(entry, script);
}

function begun(entry, script) {
  const execution = new Execution(entry, script);
  return ended(new Run(entry, script, execution), proceed(execution.start()));
}

/** The run, once what is asked of it is done. */
function ended(run, done) {
  return done instanceof Promise ? new RunLater(done.then(() => run)) : run;
}

class Run {
  #entry;
  #script;
  #execution;
  #shown = 0;

  constructor(entry, script, execution) {
    this.#entry = entry;
    this.#script = script;
    this.#execution = execution;
  }

  // What it has done.

  /** All custom statuses, in order. */
  get statuses() {
    return this.#execution.host.statuses;
  }

  get status() {
    return this.statuses.at(-1);
  }

  get isDone() {
    return this.#execution.end !== undefined;
  }

  get output() {
    return this.#execution.end?.output === undefined ? undefined : JSON.parse(this.#execution.end.output);
  }

  /** Why it failed: { kind, message, details }; undefined if it did not. */
  get failure() {
    return this.#execution.end?.failure;
  }

  /** The calls of activities and children: { name, input, options, attempt }. */
  get calls() {
    return this.#execution.host.calls.map(({ name, input, options, attempt }) => ({ name, input, options, attempt }));
  }

  /** One line for each command, such as `SayHello("Tokyo")`, `timer 60000` or `wait Approval`. */
  get commands() {
    return this.#execution.host.commands;
  }

  /** The commands that it waits for now. */
  get waitingFor() {
    return this.#execution.waitingFor;
  }

  /** Events for other instances: { instanceId, name, data }. */
  get raised() {
    return this.#execution.host.raised;
  }

  get logs() {
    return this.#execution.host.logs;
  }

  get now() {
    return new Date(this.#execution.host.now);
  }

  /** { input, keepEvents } of the next execution, if it asked for one. */
  get continuedAsNew() {
    return this.#execution.end?.failure ? undefined : this.#execution.host.continued;
  }

  // What the test does.

  raise(name, data) {
    this.#execution.host.raise(name, text(data));
    return this.#settle();
  }

  /** Lets time pass, in milliseconds; timers fire in their order, each at its own time. */
  advance(ms) {
    return ended(this, proceed(this.#advance(ms)));
  }

  /** Lets time pass up to the next timer. */
  fireTimer() {
    const next = this.#execution.host.nextTimer();
    if (next === undefined) fail(`${this.#entry.name} has no timer running; ${this.#where()}`);
    return this.advance(next - this.#execution.host.now);
  }

  /** Ends the oldest held call of `name` with a result. */
  complete(name, result) {
    this.#execution.host.end(name, { value: text(result) });
    return this.#settle();
  }

  /** Ends the oldest held call of `name` with an error. */
  fail(name, error) {
    this.#execution.host.end(name, { failure: toHost(error) });
    return this.#settle();
  }

  /** Plays the next execution, after a continue-as-new. */
  next() {
    const { input, keepEvents } =
      this.continuedAsNew ?? fail(`${this.#entry.name} did not continue as new; ${this.#where()}`);
    const buffered = keepEvents ? this.#execution.host.keptEvents() : [];
    return begun(this.#entry, { ...this.#script, input, buffered, events: [], startTime: this.#execution.host.now });
  }

  // What the test expects.

  /** The next custom status that no other call has looked at. */
  expectStatus(expected) {
    if (this.#shown >= this.statuses.length) {
      fail(
        `${this.#entry.name} shows no further custom status than ${JSON.stringify(this.statuses)}; ${this.#where()}`,
      );
    }
    deepStrictEqual(this.statuses[this.#shown], expected);
    this.#shown += 1;
    return this;
  }

  expectWaitingFor(...commands) {
    if (this.isDone) fail(`${this.#entry.name} waits for nothing; ${this.#where()}`);
    deepStrictEqual(this.waitingFor, commands);
    return this;
  }

  expectOutput(expected) {
    if (this.#execution.end?.output === undefined) fail(`${this.#entry.name} has no output; ${this.#where()}`);
    deepStrictEqual(this.output, expected);
    return this;
  }

  /** `expected` may have `kind` and `message`, the latter also as a regular expression. */
  expectFailure({ kind, message } = {}) {
    if (!this.failure) fail(`${this.#entry.name} has not failed; ${this.#where()}`);
    if (kind !== undefined)
      strictEqual(this.failure.kind, kind, `the failure is of kind ${this.failure.kind}: ${this.failure.message}`);
    if (message instanceof RegExp && !message.test(this.failure.message)) {
      fail(`the failure says ${JSON.stringify(this.failure.message)}, which does not match ${message}`);
    } else if (typeof message === "string") {
      strictEqual(this.failure.message, message);
    }
    return this;
  }

  expectContinuedAsNew(input) {
    if (!this.continuedAsNew) fail(`${this.#entry.name} did not continue as new; ${this.#where()}`);
    deepStrictEqual(this.continuedAsNew.input, input);
    return this;
  }

  #where() {
    if (this.failure) return `it failed: ${this.failure.kind}: ${this.failure.message}`;
    if (this.isDone) return `it returned ${this.#execution.end.output}`;
    return `it waits for ${this.waitingFor.join(", ")}`;
  }

  *#advance(ms) {
    const { host } = this.#execution;
    const until = host.now + ms;
    for (let next; (next = host.nextTimer()) !== undefined && next <= until && !this.isDone;) {
      host.advance(Math.max(0, next - host.now));
      yield* this.#execution.settle();
    }
    host.advance(until - host.now);
  }

  #settle() {
    return ended(this, proceed(this.#execution.settle()));
  }
}

likeRun(Run);
