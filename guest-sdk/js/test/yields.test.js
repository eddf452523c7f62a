// Yielding something that is not a task, and functions that cannot be driven.
import assert from "node:assert/strict";
import { test } from "node:test";
import { app } from "../index.js";
import { engine } from "../src/engine.js";
import { play } from "../testing.js";

const yielding = (value) =>
  play(function* Flow({ df }) {
    yield df.Task.all([]);
    yield value(df);
  });

test("a wrong yield says which, what it was and what is right", () => {
  for (const [value, message] of [
    [() => undefined, /it yields undefined; is a call missing/],
    [() => Promise.resolve(), /it yields a promise, which a function\* cannot wait for\. To let time pass/],
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

test("async functions are refused where the engine cannot wait for them", () => {
  withoutAwait(() => {
    assert.throws(() => app.orchestration("YieldsAsync", async () => {}), {
      kind: "async-orchestrator",
      message: /^Orchestrator YieldsAsync is an async function.*QuickJS.*"YieldsAsync", function\* \(context\).*starlingmonkey/,
    });
    play(() => Promise.resolve(1)).expectFailure({ kind: "async-orchestrator" });
  });
});

test("what no engine can wait for is refused in every engine", () => {
  assert.throws(() => app.orchestration("YieldsBoth", async function* () {}), {
    kind: "async-orchestrator",
    message: /^Orchestrator YieldsBoth is an async function\*: it can be a function\*, .* or an async function/,
  });
  assert.throws(() => app.activity("YieldsAsync", { handler: async () => {} }), { kind: "async-activity" });
  app.activity("YieldsPromise", { handler: () => Promise.resolve(1) });
  play(function* ({ df }) {
    yield df.callActivity("YieldsPromise");
  }).expectFailure({ kind: "async-activity", message: /^Activity YieldsPromise is an async function/ });
});

test("a promise that was refused something is not what is complained of", () => {
  play(function* Flow() {
    yield new Promise((resolve) => setTimeout(resolve, 10));
  }).expectFailure({ kind: "forbidden", message: /^Orchestrator Flow uses setTimeout, .*`yield context\.df\.createTimer/ });
});

function withoutAwait(go) {
  const before = { ...engine };
  Object.assign(engine, { name: "QuickJS", canAwait: false });
  try {
    go();
  } finally {
    Object.assign(engine, before);
  }
}
