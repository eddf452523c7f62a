// Why something did not succeed: as an Error in the code, and as the contract's record outside of it.
import { readableStack } from "./stack.js";
import { wellFormed } from "./well-formed.js";

export class Failure extends Error {
  constructor(kind, message, details) {
    super(message);
    this.name = "Failure";
    this.kind = kind;
    if (details !== undefined) this.details = details;
  }
}

/** The Error for a failure that the host tells of. */
export function fromHost({ kind, message, details }) {
  return new Failure(kind, message, details == null ? undefined : parsed(details));
}

/** The failure for whatever was thrown. */
export function toHost(thrown) {
  if (typeof thrown !== "object" || thrown === null) {
    return { kind: "Error", message: wellFormed(String(thrown)), details: null };
  }
  const kind = [thrown.kind, thrown.name].find((name) => typeof name === "string" && name !== "") ?? "Error";
  const message = typeof thrown.message === "string" ? thrown.message : Object.prototype.toString.call(thrown);
  return { kind: wellFormed(kind), message: wellFormed(message), details: detailsOf(thrown) };
}

function detailsOf(thrown) {
  try {
    return JSON.stringify(thrown.details !== undefined ? thrown.details : traces(thrown)) ?? null;
  } catch (error) {
    return JSON.stringify(`The details are not JSON: ${error.message}`);
  }
}

function traces(thrown) {
  const causes = [];
  for (let cause = thrown.cause; cause != null && causes.length < 10; cause = cause.cause) {
    causes.push(String(cause.message ?? cause));
  }
  return { stack: readableStack(thrown), causes: causes.length > 0 ? causes : undefined };
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
