// What kind of function a handler is.

const AsyncFunction = (async () => {}).constructor;
const AsyncGeneratorFunction = async function* () {}.constructor;

export function isAsync(handler) {
  return handler instanceof AsyncFunction || isAsyncGenerator(handler);
}

export function isAsyncGenerator(handler) {
  return handler instanceof AsyncGeneratorFunction;
}

/** How a flow waits, by what it is written as: the word for messages. */
export function waitWord(handler) {
  return isAsync(handler) ? "await" : "yield";
}
