// A host in memory: it does what the server does, with scripted activities, and time that only a test moves.
import { runCall } from "./calls.js";
import { Handle, Tasks } from "./tasks.js";

/** As the server's own rule: the size in UTF-16 is rounded down to whole KiB before it is compared. */
const STATUS_LIMIT_KIB = 16;

export class Host {
  /** What has been asked, one line for each command. */
  commands = [];
  statuses = [];
  logs = [];
  calls = [];
  raised = [];
  continued = undefined;
  replaying = false;
  now;
  #settings;
  #tasks;
  #uuids = 0;
  #waiting = [];

  constructor(settings) {
    this.#settings = settings;
    this.now = settings.startMs;
    this.#tasks = new Tasks(settings.buffered);
  }

  // The contract.

  getInput = () => this.#settings.input;
  instanceId = () => this.#settings.instanceId;
  currentTimeMs = () => this.now;
  isReplaying = () => this.replaying;

  newUuid = () => {
    this.#uuids += 1;
    return `00000000-0000-4000-8000-${String(this.#uuids).padStart(12, "0")}`;
  };

  callActivity = (name, input, options) => {
    const call = { name, input: JSON.parse(input), options, scripts: "activities" };
    return this.#call(call, `${name}(${input})`);
  };

  callOrchestrator = (name, input, options) => {
    const call = { name, input: JSON.parse(input), options, scripts: "orchestrators" };
    const as = options?.instanceId ? ` as ${options.instanceId}` : "";
    return this.#call(call, `${options?.detached ? "start" : "child"} ${name}(${input})${as}`);
  };

  waitForEvent = (name) => this.#handle(`wait ${name}`, (number) => this.#tasks.addEvent(number, name));
  startTimer = (ms) => this.#handle(`timer ${ms}`, (number) => this.#tasks.addTimer(number, this.now + ms));

  setCustomStatus = (text) => {
    const kib = Math.floor((text.length * 2) / 1024);
    if (kib > STATUS_LIMIT_KIB) {
      const message = `The custom status has ${kib} KiB in UTF-16; ${STATUS_LIMIT_KIB} are allowed.`;
      throw { payload: { kind: "custom-status-too-large", message, details: null } };
    }
    this.statuses.push(JSON.parse(text));
  };

  raiseEvent = (instanceId, name, data) => {
    this.#command(`raise ${name}(${data}) at ${instanceId}`);
    this.raised.push({ instanceId, name, data: JSON.parse(data) });
  };

  continueAsNew = (input, keepEvents) => {
    this.#command(`continue as new(${input})`);
    this.continued = { input: JSON.parse(input), keepEvents };
  };

  log = (level, message) => {
    if (!this.replaying) this.logs.push({ level, message });
  };

  // The world outside.

  /** The watched task that is done, after running what was called; undefined if the flow is at rest. */
  poll(waits) {
    while (this.#tasks.first() === undefined && this.#waiting.length > 0) this.#run(this.#waiting.shift());
    const next = this.#tasks.first();
    // An answer that the flow does not wait for comes between: timers have to wait for what it does.
    if (next === undefined || waits.awaits(this.#tasks.key(next))) this.#tasks.fire(this.now);
    return this.#tasks.first();
  }

  /** The key of a watched task, which is not watched any more. */
  answer(number) {
    return this.#tasks.answer(number);
  }

  watch(number, key) {
    this.#tasks.watch(number, key);
  }

  raise(name, text) {
    this.#tasks.raise(name, text);
  }

  advance(ms) {
    this.now += ms;
    this.#tasks.fire(this.now);
  }

  nextTimer() {
    return this.#tasks.nextTimer();
  }

  /** Ends the oldest call of `name` that is held. */
  end(name, outcome) {
    const call = this.calls.find((call) => call.held && call.name.toLowerCase() === name.toLowerCase());
    if (!call) throw new Error(`No call of ${name} is held: its script has to return \`held\`.`);
    call.held = false;
    this.#tasks.finish(call.number, outcome);
  }

  keptEvents() {
    return this.#tasks.kept();
  }

  outcome(number) {
    return this.#tasks.take(number);
  }

  /** What `outcome` will give. */
  peek(number) {
    return this.#tasks.peek(number);
  }

  /** Ends a task as it has ended before, and answers it; for replay. */
  force(number, outcome) {
    this.#tasks.finish(number, outcome);
    return this.answer(number);
  }

  cancel(number) {
    this.#command(`cancel ${number}`);
    this.#tasks.cancel(number);
  }

  #command(line) {
    this.commands.push(line);
    return this.commands.length - 1;
  }

  #handle(line, add) {
    const number = this.#command(line);
    add(number);
    return new Handle(this, number);
  }

  #call(call, line) {
    return this.#handle(line, (number) => {
      this.calls.push(Object.assign(call, { number, attempt: 0, held: false }));
      this.#tasks.add(number);
      this.#waiting.push(call);
    });
  }

  #run(call) {
    const outcome = runCall(call, this.#settings, this.log);
    if (outcome) this.#tasks.finish(call.number, outcome);
    else call.held = true;
  }
}
