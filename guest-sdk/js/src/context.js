// What an orchestrator may ask of its host, by the names of Durable Functions.
import { Combinators } from "./combined.js";
import { decode } from "./decode.js";
import { encode } from "./encode.js";
import { fromHost } from "./failure.js";
import { toHttpInput } from "./http.js";
import { logger } from "./log.js";
import { optionalMs, toPolicy, wholeMs } from "./retry.js";
import { HostTask } from "./task.js";
import { HALF_A_CHARACTER, isWellFormed } from "./well-formed.js";

/** `waits` is told of what the flow waits for. */
export function orchestrationContext(host, name, waits) {
  return { df: new DurableContext(host, name, waits), functionName: name, log: logger(host) };
}

class DurableContext {
  #host;
  #name;
  #waits;

  constructor(host, name, waits) {
    this.#host = host;
    this.#name = name;
    this.#waits = waits;
    this.Task = Combinators;
  }

  get instanceId() {
    return this.#host.instanceId();
  }

  get isReplaying() {
    return this.#host.isReplaying();
  }

  /** The time of the turn; the same on replay. */
  get currentUtcDateTime() {
    return new Date(this.#nowMs());
  }

  getInput(shape) {
    return decode(this.#host.getInput(), `the input of orchestrator ${this.#name}`, shape);
  }

  newGuid() {
    return this.#host.newUuid();
  }

  callActivity(name, input, options) {
    return this.#activity("callActivity", name, input, null, options);
  }

  callActivityWithRetry(name, retryOptions, input, options) {
    const policy = toPolicy(retryOptions, `callActivityWithRetry("${name}", ...)`);
    return this.#activity("callActivityWithRetry", name, input, policy, options);
  }

  callHttp(request) {
    return this.callActivity("Http", toHttpInput(request));
  }

  callSubOrchestrator(name, input, instanceId) {
    return this.#child("callSubOrchestrator", name, input, instanceId, null, false);
  }

  callSubOrchestratorWithRetry(name, retryOptions, input, instanceId) {
    const policy = toPolicy(retryOptions, `callSubOrchestratorWithRetry("${name}", ...)`);
    return this.#child("callSubOrchestratorWithRetry", name, input, instanceId, policy, false);
  }

  /** Starts it and does not wait: the task gives the id of the new instance as soon as that exists. */
  startSubOrchestrator(name, input, instanceId) {
    return this.#child("startSubOrchestrator", name, input, instanceId, null, true);
  }

  createTimer(fireAt) {
    const delayMs = fireAt instanceof Date ? Math.max(0, fireAt.getTime() - this.#nowMs()) : fireAt;
    const whole = wholeMs(delayMs, "createTimer takes a Date or a delay: it");
    return this.#task("a timer", this.#host.startTimer(whole));
  }

  waitForExternalEvent(name, shape) {
    this.#named("waitForExternalEvent", name);
    return this.#task(`the data of event ${name}`, this.#host.waitForEvent(name), shape);
  }

  setCustomStatus(value) {
    const text = encode(value, "the custom status", "status");
    try {
      this.#host.setCustomStatus(text);
    } catch (thrown) {
      throw thrown?.payload ? fromHost(thrown.payload) : thrown;
    }
  }

  /** Sends an event to another instance, exactly once. */
  raiseEvent(instanceId, name, data) {
    this.#named("raiseEvent", instanceId, "instance id");
    this.#named("raiseEvent", name);
    this.#host.raiseEvent(instanceId, name, encode(data, `the data of event ${name}`, "data"));
  }

  continueAsNew(input, keepEvents = true) {
    this.#host.continueAsNew(
      encode(input, `the next input of orchestrator ${this.#name}`, "input"),
      Boolean(keepEvents),
    );
  }

  /** Some engines give it as a BigInt. */
  #nowMs() {
    return Number(this.#host.currentTimeMs());
  }

  #task(label, handle, shape) {
    return new HostTask(label, { handle, shape, waits: this.#waits });
  }

  #activity(verb, name, input, retry, options) {
    this.#named(verb, name);
    const timeoutMs = optionalMs(options?.timeoutInMilliseconds, `${verb}("${name}", ...): timeoutInMilliseconds`);
    const text = encode(input, `the input of activity ${name}`, "input");
    const plain = retry === null && timeoutMs === null;
    const handle = this.#host.callActivity(name, text, plain ? null : { retry, timeoutMs });
    return this.#task(`the result of activity ${name}`, handle);
  }

  #child(verb, name, input, instanceId = null, retry, detached) {
    this.#named(verb, name);
    if (instanceId !== null) this.#named(verb, instanceId, "instance id");
    const text = encode(input, `the input of orchestrator ${name}`, "input");
    const handle = this.#host.callOrchestrator(name, text, { instanceId, retry, detached });
    return this.#task(`the output of orchestrator ${name}`, handle);
  }

  #named(verb, name, what = "name") {
    if (typeof name === "string" && name !== "" && isWellFormed(name)) return;
    const found = typeof name !== "string" ? typeof name : name === "" ? "an empty one" : HALF_A_CHARACTER;
    throw new TypeError(`Orchestrator ${this.#name}: ${verb} takes a string as ${what}, and not ${found}.`);
  }
}
