// JSON text to values: forgiving about one level of quotes where a shape is given, and clear about what does not fit.
import { Failure } from "./failure.js";

/**
 * Reads JSON text. `shape` says what is wanted: Number, Boolean, String, Array, Object, or a function that returns the
 * value as it is to be used, or throws. Without one, the value is given as it came.
 *
 * Some clients encode twice, so that `1` arrives as `"1"`: where the text is a JSON string that does not have the
 * shape, what is inside the quotes is read instead. A shape that accepts strings never sees this.
 */
export function decode(text, source, shape) {
  const asSent = JSON.parse(text);
  if (shape === undefined) return asSent;
  const read = reader(shape);
  try {
    return read(asSent);
  } catch (error) {
    const inner = typeof asSent === "string" ? unquoted(asSent) : undefined;
    if (inner === undefined) throw misfit(source, error, text);
    try {
      return read(inner.value);
    } catch (innerError) {
      // Inside was JSON too, of the wrong shape: that shape is what the reader wants to hear about.
      throw misfit(source, innerError, text);
    }
  }
}

const BUILT_IN = new Map([
  [Number, ["a number", (value) => typeof value === "number"]],
  [Boolean, ["a boolean", (value) => typeof value === "boolean"]],
  [String, ["a string", (value) => typeof value === "string"]],
  [Array, ["an array", Array.isArray]],
  [Object, ["an object", (value) => typeof value === "object" && value !== null && !Array.isArray(value)]],
]);

function reader(shape) {
  const builtIn = BUILT_IN.get(shape);
  if (!builtIn) {
    if (typeof shape === "function") return shape;
    throw new TypeError(
      "A shape has to be Number, Boolean, String, Array, Object, or a function that returns the value or throws.",
    );
  }
  const [name, fits] = builtIn;
  return (value) => {
    if (fits(value)) return value;
    throw new TypeError(`expected ${name}`);
  };
}

function unquoted(text) {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}

function misfit(source, error, text) {
  return new Failure("decode", `Unexpected value for ${source}: ${error?.message ?? error}; found ${excerpt(text)}`);
}

function excerpt(text) {
  const SHOWN = 80;
  const characters = Array.from(text);
  return characters.length <= SHOWN ? text : `${characters.slice(0, SHOWN).join("")}… (${text.length} characters)`;
}
