// Values to JSON text. What JSON would silently drop or change is an error that says where it is.
import { Failure } from "./failure.js";
import { Task } from "./task.js";
import { HALF_A_CHARACTER, isWellFormed } from "./well-formed.js";

/**
 * JSON text of `value`; `undefined` is written as `null`.
 * `what` names the value in messages, and `root` begins the path to what does not fit.
 */
export function encode(value, what, root) {
  const misfit = find(value);
  if (misfit) {
    const is = misfit.visit.parent ? `${path(misfit.visit, root)} is` : "it is";
    throw new Failure("encode", `${upperFirst(what)} cannot be written as JSON: ${is} ${misfit.found}.`);
  }
  return JSON.stringify(value) ?? "null";
}

/**
 * The first part of `value` that does not fit. A visit is a value, the key it was found by, and the visit of its owner;
 * a loop and not recursion, since the engine's stack in a guest is small.
 */
function find(value) {
  const owners = new Set();
  const visits = [{ value }];
  while (visits.length > 0) {
    const visit = visits.pop();
    if (visit.left) {
      owners.delete(visit.left);
      continue;
    }
    const found = unfit(visit.value);
    if (found) return { visit, found };
    if (typeof visit.value !== "object" || visit.value === null) continue;
    if (owners.has(visit.value)) return { visit, found: "part of itself; give an id in its place" };
    owners.add(visit.value);
    visits.push({ left: visit.value });
    for (const part of parts(visit)) visits.push(part);
  }
  return undefined;
}

/** The last one first, since the last one that is pushed is visited first. */
function parts(visit) {
  const { value } = visit;
  if (typeof value.toJSON === "function") return [{ ...visit, value: value.toJSON() }];
  const keys = Object.keys(value).reverse();
  const wrong = Array.isArray(value) ? undefined : keys.find((key) => !isWellFormed(key));
  if (wrong !== undefined) return [{ value: wrong, key: wrong, parent: visit }];
  return keys.map((key) => ({ value: value[key], key, parent: visit }));
}

function path({ key, parent }, root) {
  const steps = [];
  for (let visit = { key, parent }; visit.parent; visit = visit.parent) steps.push(step(visit.parent.value, visit.key));
  return root + steps.reverse().join("");
}

function step(owner, key) {
  if (Array.isArray(owner)) return `[${key}]`;
  // By code points, since not every engine knows the properties of characters.
  const isPlain = /^[A-Za-z_$\u0080-\uffff][\w$\u0080-\uffff]*$/.test(key) && isWellFormed(key);
  return isPlain ? `.${key}` : `[${JSON.stringify(key)}]`;
}

function unfit(value) {
  switch (typeof value) {
    case "function":
      return "a function; give data, or the function's result";
    case "bigint":
      return "a BigInt; use Number(value), or String(value) where it may be large";
    case "symbol":
      return "a symbol; use a string";
    case "number":
      return Number.isFinite(value) ? undefined : `${value}; use null or a string`;
    case "string":
      return isWellFormed(value) ? undefined : `${HALF_A_CHARACTER}; cut it between characters, as with [...text]`;
    case "object":
      return value === null ? undefined : unfitObject(value);
    default:
      return undefined;
  }
}

function unfitObject(value) {
  if (value instanceof Task) return `a task (${value.label}); wait for it, and use what that gives`;
  if (value instanceof Promise) return "a promise; use a value";
  if (value instanceof Map) return "a Map; use Object.fromEntries(map) or [...map]";
  if (value instanceof Set) return "a Set; use [...set]";
  if (value instanceof Error) return "an Error; use its message";
  if (value instanceof ArrayBuffer || ArrayBuffer.isView(value))
    return "binary; use Array.from(bytes), or text such as base64";
  return undefined;
}

function upperFirst(text) {
  return text[0].toUpperCase() + text.slice(1);
}
