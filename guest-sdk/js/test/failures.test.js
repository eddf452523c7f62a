// What becomes of exceptions, on both sides of the host.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Failure } from "../index.js";
import { fromHost, toHost } from "../src/failure.js";
import { play } from "../testing.js";

test("an activity's failure is an error with kind, message and details", () => {
  const run = play(
    function* ({ df }) {
      try {
        yield df.callActivity("Book");
      } catch (error) {
        return [error instanceof Error, error.kind, error.message, error.details];
      }
    },
    {
      activities: {
        Book: () => {
          throw new Failure("sold-out", "No seats left.", { flight: 7 });
        },
      },
    },
  );
  run.expectOutput([true, "sold-out", "No seats left.", { flight: 7 }]);
});

test("half of a character neither hides an error nor stops a log", () => {
  const half = "abc😀".slice(0, 4);
  const run = play(function* ({ df, log }) {
    log(half, "😀");
    throw new Error(`no such name: ${half}`);
  });
  run.expectFailure({ kind: "Error", message: "no such name: abc\ufffd" });
  assert.deepEqual(run.logs.map(({ message }) => message), ["abc\ufffd 😀"]);
});

test("a failure that nobody catches keeps its kind, message and details", () => {
  const run = play(
    function* ({ df }) {
      yield df.callActivity("Book");
    },
    {
      activities: {
        Book: () => {
          throw new Failure("sold-out", "No seats left.", [1]);
        },
      },
    },
  );
  run.expectFailure({ kind: "sold-out", message: "No seats left." });
  assert.deepEqual(run.failure.details, [1]);
});

test("the kind of an error is its own, or its name", () => {
  const kind = (thrown) => toHost(thrown).kind;
  assert.equal(kind(new Error("x")), "Error");
  assert.equal(kind(new TypeError("x")), "TypeError");
  assert.equal(kind(Object.assign(new Error("x"), { kind: "mine" })), "mine");
  assert.equal(kind(Object.assign(new Error("x"), { kind: 7 })), "Error");
  assert.equal(kind("text"), "Error");
  assert.equal(toHost("text").message, "text");
});

test("an error's details are its stack and its causes, or those it has", () => {
  const error = new Error("outer", { cause: new Error("inner", { cause: "innermost" }) });
  const details = JSON.parse(toHost(error).details);
  assert.match(details.stack, /failures\.test\.js/);
  assert.deepEqual(details.causes, ["inner", "innermost"]);
  assert.equal(toHost(new Failure("k", "m", { a: 1 })).details, '{"a":1}');
});

test("a stack begins with type and message in every engine, and ends where the module's own code does", () => {
  const stack = (text) => {
    const error = Object.assign(new TypeError("no such order: 7"), { stack: text });
    return JSON.parse(toHost(error).details).stack;
  };
  const expected = (...calls) => ["TypeError: no such order: 7", ...calls].join("\n");
  const quickjs = [
    "    at find (/m.js:1:2)",
    "    at <anonymous> (/m.js:3:4)",
    "    at next (native)",
    "    at intoTheirCode (/m.js:5:6)",
    "    at run (/m.js:7:8)",
    "",
  ];
  assert.equal(stack(quickjs.join("\n")), expected(...quickjs.slice(0, 2)));
  const starlingmonkey = ["find@m.js:1:2", "@m.js:3:4", "intoTheirCode@m.js:5:6", "run@/build/initializer.js:7:8", ""];
  assert.equal(stack(starlingmonkey.join("\n")), expected(...starlingmonkey.slice(0, 2)));
  assert.match(stack(new TypeError("no such order: 7").stack), /^TypeError: no such order: 7\n\s+at .*failures\.test\.js/);
});

test("details that are not JSON do not hide the failure", () => {
  const { kind, details } = toHost(new Failure("k", "m", { n: 1n }));
  assert.equal(kind, "k");
  assert.match(JSON.parse(details), /^The details are not JSON: /);
  assert.equal(fromHost({ kind: "k", message: "m", details: "at line 3" }).details, "at line 3");
});

test("finally blocks run, and what they ask for is asked", () => {
  const run = play(
    function* ({ df }) {
      try {
        yield df.callActivity("Fail");
      } finally {
        yield df.callActivity("CleanUp");
      }
    },
    {
      activities: {
        Fail: () => {
          throw new RangeError("too far");
        },
        CleanUp: () => null,
      },
    },
  );
  run.expectFailure({ kind: "RangeError", message: "too far" });
  assert.deepEqual(run.commands, ["Fail(null)", "CleanUp(null)"]);
});
