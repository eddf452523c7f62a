// Reading values: as they came, or in a shape, which forgives one level of quotes.
import assert from "node:assert/strict";
import { test } from "node:test";
import { app } from "../index.js";
import { decode } from "../src/decode.js";
import { play } from "../testing.js";

const event = (text, shape) => decode(text, "the data of event Go", shape);

test("without a shape values are as they came", () => {
  assert.equal(event('"1"'), "1");
  assert.deepEqual(event('{"a":"1"}'), { a: "1" });
});

test("one level of quotes is forgiven", () => {
  assert.equal(event("1", Number), 1);
  assert.equal(event('"1"', Number), 1);
  assert.equal(event('"true"', Boolean), true);
  assert.deepEqual(event(String.raw`"{\"id\":3}"`, Object), { id: 3 });
  assert.deepEqual(event(String.raw`"[\"a\"]"`, Array), ["a"]);
  assert.throws(() => event(String.raw`"\"1\""`, Number), { kind: "decode" });
});

test("strings stay as they are", () => {
  assert.equal(event('"1"', String), "1");
  assert.equal(event(String.raw`"\"Tokyo\""`, String), '"Tokyo"');
  assert.equal(event('""', String), "");
});

test("what does not fit is an error that says what, where and what was found", () => {
  assert.throws(() => event('"four"', Number), {
    name: "Failure",
    kind: "decode",
    message: 'Unexpected value for the data of event Go: expected a number; found "four"',
  });
  assert.throws(() => event("null", Object), { message: /expected an object; found null/ });
  assert.throws(() => event("[1]", Object), { message: /expected an object; found \[1\]/ });
  assert.throws(() => event(`"${"ä".repeat(500)}"`, Number), { message: /ä… \(502 characters\)$/ });
});

test("a function is a shape: it gives the value, or throws", () => {
  const order = (value) => {
    if (typeof value?.id !== "number") throw new Error("an order has an id");
    return value.id;
  };
  assert.equal(event('{"id":3}', order), 3);
  assert.equal(event(String.raw`"{\"id\":3}"`, order), 3);
  assert.throws(() => event(String.raw`"{\"name\":\"x\"}"`, order), { message: /Go: an order has an id; found/ });
});

test("something else is no shape", () => {
  assert.throws(() => event("1", "number"), { name: "TypeError", message: /^A shape has to be Number, Boolean/ });
});

test("inputs, events and activities read with their shapes", () => {
  app.activity("DecodeDouble", { input: Number, handler: (n) => n * 2 });
  const run = play(
    function* ({ df }) {
      const go = yield df.waitForExternalEvent("Go", Boolean);
      return [df.getInput(Number), go, yield df.callActivity("DecodeDouble", "21")];
    },
    { input: "4" },
  );
  run.raise("Go", "true").expectOutput([4, true, 42]);
});

test("an event of the wrong shape fails the flow where it is yielded", () => {
  const run = play(function* ({ df }) {
    try {
      yield df.waitForExternalEvent("Go", Boolean);
    } catch (error) {
      return error.kind;
    }
  });
  run.raise("Go", "maybe").expectOutput("decode");
});
