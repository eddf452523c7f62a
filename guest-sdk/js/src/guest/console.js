// A `console` for the engine that has none: it prints to the log of the run, and nowhere while the module is built.

let log;

export function printTo(logger) {
  log = logger;
}

const at =
  (level) =>
  (...parts) =>
    log?.[level](...parts);

globalThis.console ??= {
  log: at("info"),
  info: at("info"),
  warn: at("warn"),
  error: at("error"),
  debug: at("debug"),
  trace: at("debug"),
};
