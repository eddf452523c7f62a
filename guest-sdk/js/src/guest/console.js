// A `console` that prints to the log of the run, and nowhere while the module is built.

let log;

export function printTo(logger) {
  log = logger;
}

const at =
  (level) =>
  (...parts) =>
    log?.[level](...parts);

// What an engine has besides goes to its standard output, which the server logs too.
globalThis.console ??= {};
Object.assign(globalThis.console, {
  log: at("info"),
  info: at("info"),
  warn: at("warn"),
  error: at("error"),
  debug: at("debug"),
  trace: at("debug"),
});
