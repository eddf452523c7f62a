// Values that JSON cannot express: the error says what it is, where it is, and what to use.
import assert from "node:assert/strict";
import { test } from "node:test";
import { encode } from "../src/encode.js";
import { play } from "../testing.js";

const refused = (value, message) =>
  assert.throws(() => encode(value, "the input of activity A", "input"), { name: "Failure", kind: "encode", message });

test("the path leads to what does not fit", () => {
  const order = { order: { lines: [{}, {}, { qty: 3n }] } };
  refused(
    order,
    "The input of activity A cannot be written as JSON: input.order.lines[2].qty is a BigInt; " +
      "use Number(value), or String(value) where it may be large.",
  );
  refused({ "a b": () => 1 }, /input\["a b"\] is a function; give data/);
});

test("a value that does not fit as a whole has no path", () => {
  refused(() => 1, /^The input of activity A cannot be written as JSON: it is a function/);
});

test("what JSON would silently change is refused", () => {
  for (const [value, found] of [
    [Symbol("x"), "a symbol"],
    ["\ud83d\ude00".slice(0, 1), "text with half a character in it \\(a lone surrogate\\); cut it between characters"],
    [Number.NaN, "NaN"],
    [Infinity, "Infinity"],
    [new Map(), "a Map; use Object.fromEntries"],
    [new Set(), "a Set; use"],
    [new Error("x"), "an Error; use its message"],
    [Promise.resolve(), "a promise"],
    [new Uint8Array(2), "binary"],
    [new ArrayBuffer(2), "binary"],
  ]) {
    refused({ value }, new RegExp(`input\\.value is ${found}`));
  }
});

test("half a character in a key is refused, and a whole one is not", () => {
  refused({ "a\udc00": 1 }, /input\["a\\udc00"\] is text with half a character/);
  assert.equal(encode({ "\ud83d\ude00": "\ud83d\ude00" }, "x", "x"), '{"\ud83d\ude00":"\ud83d\ude00"}');
});

test("cycles are found, and the same value twice is no cycle", () => {
  const node = { name: "a" };
  node.next = { back: node };
  refused(node, /input\.next\.back is part of itself/);
  const shared = { n: 1 };
  assert.equal(encode([shared, shared], "x", "x"), '[{"n":1},{"n":1}]');
});

test("the rest is what JSON.stringify writes, in the order of the keys", () => {
  const value = { b: 1, a: [null, undefined, "ä", new Date(0)], gone: undefined };
  assert.equal(encode(value, "x", "x"), JSON.stringify(value));
  assert.equal(encode(undefined, "x", "x"), "null");
});

test("every place where values go out is checked", () => {
  for (const [go, message] of [
    [(df) => df.callActivity("A", { f: 1n }), /^The input of activity A .* input\.f is a BigInt/],
    [(df) => df.callSubOrchestrator("C", { f: 1n }), /^The input of orchestrator C .* input\.f/],
    [(df) => df.setCustomStatus({ f: 1n }), /^The custom status .* status\.f/],
    [(df) => df.raiseEvent("i", "E", { f: 1n }), /^The data of event E .* data\.f/],
    [(df) => df.continueAsNew({ f: 1n }), /^The next input of orchestrator Flow .* input\.f/],
    [() => ({ f: 1n }), /^The output of orchestrator Flow .* output\.f/],
  ]) {
    const run = play(function* Flow({ df }) {
      return go(df);
    });
    run.expectFailure({ kind: "encode", message });
    assert.deepEqual(run.commands, []);
  }
});

test("a task that was not yielded is named", () => {
  play(
    function* ({ df }) {
      const name = df.callActivity("Name");
      yield df.callActivity("Greet", { name });
    },
    { activities: { Name: () => "Ada", Greet: () => null } },
  ).expectFailure({ kind: "encode", message: /input\.name is a task \(the result of activity Name\); wait for it/ });
});

test("depth costs no stack, and width no arguments", () => {
  let deep = 1n;
  for (let level = 0; level < 100_000; level += 1) deep = [deep];
  refused(deep, /\[0\]\[0\] is a BigInt/);
  const wide = Array.from({ length: 300_000 }, (_, n) => n);
  assert.equal(encode(wide, "x", "x"), JSON.stringify(wide));
});
