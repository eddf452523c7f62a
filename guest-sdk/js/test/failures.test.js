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
