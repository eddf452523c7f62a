// While an orchestrator runs, whatever would differ on replay is out of reach, and says what to use instead.
import { Failure } from "./failure.js";

const TIME = "use context.df.currentUtcDateTime";
const WAIT = "use `yield context.df.createTimer(...)`";
const CHANCE = "use context.df.newGuid(), or an activity";
const NETWORK = "use `yield context.df.callHttp(...)`, or an activity";

/** Runs `go` in a world without clock, chance and network; `name` is the orchestrator that reaches for them. */
export function withoutWorld(name, go) {
  const giveBack = takeWorld(name);
  try {
    return go();
  } finally {
    giveBack();
  }
}

/** Takes clock, chance and network away, until the function that it returns is called. */
export function takeWorld(name) {
  const undo = [];
  const replace = (owner, key, value) => {
    const before = Object.getOwnPropertyDescriptor(owner, key);
    if (before && !before.configurable) return;
    Object.defineProperty(owner, key, { value, writable: true, configurable: true, enumerable: before?.enumerable });
    undo.push(() => (before ? Object.defineProperty(owner, key, before) : delete owner[key]));
  };
  const refuse = (what, instead) => () => {
    throw new Failure("forbidden", `Orchestrator ${name} uses ${what}, which differs on replay: ${instead}.`);
  };
  replace(globalThis, "Date", dateWithoutNow(refuse));
  replace(globalThis, "performance", { now: refuse("performance.now()", TIME) });
  replace(globalThis, "crypto", {
    randomUUID: refuse("crypto.randomUUID()", CHANCE),
    getRandomValues: refuse("crypto.getRandomValues()", CHANCE),
  });
  replace(Math, "random", refuse("Math.random()", CHANCE));
  replace(globalThis, "fetch", refuse("fetch", NETWORK));
  for (const timer of ["setTimeout", "setInterval", "setImmediate"]) replace(globalThis, timer, refuse(timer, WAIT));
  return () => {
    for (const restore of undo.reverse()) restore();
  };
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
