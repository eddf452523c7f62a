// Lines for the host's log.

import { wellFormed } from "./well-formed.js";

/** A function that logs, with one more for each level; `host` is what the contract calls a context. */
export function logger(host) {
  const at =
    (level) =>
    (...parts) =>
      host.log(level, wellFormed(parts.map(text).join(" ")));
  const log = at("info");
  return Object.assign(log, {
    trace: at("debug"),
    debug: at("debug"),
    info: log,
    warn: at("warn"),
    error: at("error"),
  });
}

function text(part) {
  if (typeof part === "string") return part;
  if (part instanceof Error) return `${part.name}: ${part.message}\n${part.stack ?? ""}`;
  try {
    return JSON.stringify(part) ?? String(part);
  } catch {
    return String(part);
  }
}
