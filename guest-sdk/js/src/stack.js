// Stacks for people: what was thrown, and where in the module's own code.

/** Calls code of the module. By its name (see IS_BELOW) it is found in stacks, which end there. */
export function intoTheirCode(target, verb, ...args) {
  return target[verb](...args);
}

/** The stack of something thrown: its type and message, and a line for each call. Undefined if it has none. */
export function readableStack({ name, message, stack }) {
  if (typeof stack !== "string") return undefined;
  // Engines differ in whether the first line is the message.
  const calls = stack.split("\n").filter((line) => IS_CALL.test(line) && !IS_NOISE.test(line));
  const end = calls.findIndex((line) => IS_BELOW.test(line));
  return [`${name}: ${message}`, ...(end < 0 ? calls : calls.slice(0, end))].join("\n");
}

const IS_CALL = /^\s+at |@.*:\d+:\d+$/;
/** Of the engine, or the making of a `Failure`. */
const IS_NOISE = /\(native\)$|\/initializer\.js:|^\s+at (new )?Failure |^Failure@/;
/** Where the SDK calls the module, or finds that it has yielded something wrong. */
const IS_BELOW = /\b(intoTheirCode|cannotWait)\b/;
