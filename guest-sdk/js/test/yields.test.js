// Yielding something that is not a task, and functions that cannot be driven.
import assert from "node:assert/strict";
import { test } from "node:test";
import { app } from "../index.js";
import { play } from "../testing.js";

const yielding = (value) =>
  play(function* Flow({ df }) {
    yield df.Task.all([]);
    yield value(df);
  });

test("a wrong yield says which, what it was and what is right", () => {
  for (const [value, message] of [
    [() => undefined, /it yields undefined; is a call missing/],
    [() => Promise.resolve(), /it yields a promise; what is async belongs into an activity/],
    [(df) => [df.createTimer(1)], /it yields an array; use context\.df\.Task\.all/],
    [() => (function* () {})(), /it yields a generator; use `yield\*`/],
    [(df) => df.newGuid, /it yields the function newGuid; call it/],
    [() => 5, /it yields 5, which is not a task/],
    [() => ({}), /it yields an object, which is not a task/],
  ]) {
    yielding(value).expectFailure({ kind: "invalid-yield", message });
    yielding(value).expectFailure({ message: /^Orchestrator Flow, yield number 2: .* Yield only tasks/ });
  }
});

test("a wrong yield can be caught where it is", () => {
  play(function* () {
    try {
      yield 5;
    } catch (error) {
      return error.kind;
    }
  }).expectOutput("invalid-yield");
});

test("yield* runs another generator as a part", () => {
  function* part(df) {
    return (yield df.waitForExternalEvent("Go")) + 1;
  }
  play(function* ({ df }) {
    return (yield* part(df)) + 1;
  })
    .raise("Go", 1)
    .expectOutput(3);
});

test("a plain function that waits for nothing is fine", () => {
  play(({ df }) => df.instanceId, { instanceId: "x" }).expectOutput("x");
});

test("async functions are refused when they are registered", () => {
  assert.throws(() => app.orchestration("YieldsAsync", async () => {}), {
    kind: "async-orchestrator",
    message: /^Orchestrator YieldsAsync is an async function.*QuickJS.*"YieldsAsync", function\* \(context\)/,
  });
  assert.throws(() => app.orchestration("YieldsAsync", async function* () {}), { kind: "async-orchestrator" });
  assert.throws(() => app.activity("YieldsAsync", { handler: async () => {} }), { kind: "async-activity" });
});

test("a function that returns a promise fails when it is played", () => {
  play(() => Promise.resolve(1)).expectFailure({ kind: "async-orchestrator" });
  app.activity("YieldsPromise", { handler: () => Promise.resolve(1) });
  play(function* ({ df }) {
    yield df.callActivity("YieldsPromise");
  }).expectFailure({ kind: "async-activity", message: /^Activity YieldsPromise is an async function/ });
});
