// While an orchestrator runs, whatever would differ on replay is out of reach, and says what to use instead.
import { Failure } from "./failure.js";

import { waitWord } from "./kinds.js";

const TIME = "use context.df.currentUtcDateTime";
const CHANCE = "use context.df.newGuid(), or an activity";
const TIMERS = ["setTimeout", "setInterval", "setImmediate"];

let refusal;

/** The last refusal since it was asked for; undefined if there was none. */
export function takeRefusal() {
  const last = refusal;
  refusal = undefined;
  return last;
}

/**
 * Takes clock, chance and network away, until the function that it returns is called. What is left in their place
 * throws, and names the orchestrator that reaches for them: the one that `entry` is by then.
 */
export function takeWorld(entry) {
  const { replace, giveBack } = replacing();
  const refuse = (what, instead) => () => {
    const text = instead.replace("WAIT", waitWord(entry.handler));
    refusal = new Failure("forbidden", `Orchestrator ${entry.name} uses ${what}, which differs on replay: ${text}.`);
    throw refusal;
  };
  replace(globalThis, "Date", dateWithoutNow(refuse));
  replace(globalThis, "performance", { now: refuse("performance.now()", TIME) });
  replace(globalThis, "crypto", {
    randomUUID: refuse("crypto.randomUUID()", CHANCE),
    getRandomValues: refuse("crypto.getRandomValues()", CHANCE),
    get subtle() {
      return refuse("crypto.subtle", "use an activity")();
    },
  });
  replace(Math, "random", refuse("Math.random()", CHANCE));
  replace(globalThis, "fetch", refuse("fetch", "use `WAIT context.df.callHttp(...)`, or an activity"));
  for (const timer of TIMERS) replace(globalThis, timer, refuse(timer, "use `WAIT context.df.createTimer(...)`"));
  return giveBack;
}

/** Puts in the place of timers and the network, which no activity of a module has, what says what to use instead. */
export function takeNetwork(name) {
  const { replace } = replacing();
  const refuse = (what, instead) => () => {
    throw new Failure("forbidden", `Activity ${name} uses ${what}, which modules do not have: ${instead}.`);
  };
  const network = "use context.df.callHttp in the orchestrator, or let the activity be a service that Dacapo calls";
  replace(globalThis, "fetch", refuse("fetch", network));
  const wait = "throw, and let the retry options of the call wait, or use context.df.createTimer in the orchestrator";
  for (const timer of TIMERS) replace(globalThis, timer, refuse(timer, wait));
}

function replacing() {
  const undo = [];
  const replace = (owner, key, value) => {
    const before = Object.getOwnPropertyDescriptor(owner, key);
    if (before && !before.configurable) return;
    Object.defineProperty(owner, key, { value, writable: true, configurable: true, enumerable: before?.enumerable });
    undo.push(() => (before ? Object.defineProperty(owner, key, before) : delete owner[key]));
  };
  const giveBack = () => {
    for (const restore of undo.reverse()) restore();
  };
  return { replace, giveBack };
}

/** Dates that are given, such as `new Date(ms)`, stay as they are. */
function dateWithoutNow(refuse) {
  const noNow = refuse("Date.now()", TIME);
  const noToday = refuse("new Date()", TIME);
  return new Proxy(Date, {
    apply: refuse("Date()", TIME),
    construct: (date, args, target) => (args.length > 0 ? Reflect.construct(date, args, target) : noToday()),
    get: (date, key) => (key === "now" ? noNow : Reflect.get(date, key)),
  });
}
