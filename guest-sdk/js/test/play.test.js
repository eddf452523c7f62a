// The test kit itself: it fails tests that should fail, and says why.
import assert from "node:assert/strict";
import { test } from "node:test";
import { held, play } from "../testing.js";

function* Flow({ df }) {
  df.setCustomStatus("waiting");
  return yield df.waitForExternalEvent("Go");
}

test("expectations that are not met throw, and say where the flow is", () => {
  assert.throws(() => play(Flow).expectStatus("done"), { name: "AssertionError" });
  assert.throws(() => play(Flow).expectStatus("waiting").expectStatus("x"), {
    message: 'Flow shows no further custom status than ["waiting"]; it waits for wait Go',
  });
  assert.throws(() => play(Flow).expectOutput(1), { message: "Flow has no output; it waits for wait Go" });
  assert.throws(() => play(Flow).raise("Go", 2).expectOutput(1), { name: "AssertionError" });
  assert.throws(() => play(Flow).raise("Go", 2).expectFailure(), { message: "Flow has not failed; it returned 2" });
  assert.throws(() => play(Flow).fireTimer(), { message: "Flow has no timer running; it waits for wait Go" });
  assert.throws(() => play(Flow).complete("A"), { message: /No call of A is held/ });
});

test("an activity without a script is named", () => {
  assert.throws(
    () =>
      play(function* ({ df }) {
        yield df.callActivity("PlayUnknown");
      }),
    { message: /^PlayUnknown has no script: give play\(\.\.\.\) one/ },
  );
});

test("a flow that does something else on replay is found out", () => {
  let plays = 0;
  const fickle = function* Fickle({ df }) {
    plays += 1;
    yield df.callActivity("A", plays);
    yield df.waitForExternalEvent("Go");
  };
  assert.throws(() => play(fickle, { activities: { A: () => null } }), {
    message: /^Fickle does something else when it is played again: command 0 was A\(1\), and now it is A\(2\)\./,
  });
  play(fickle, { activities: { A: () => null }, replay: false }).expectWaitingFor("wait Go");
});

test("held calls end when the test says so, the oldest first", () => {
  const run = play(
    function* ({ df }) {
      return yield df.Task.all([df.callActivity("A", 1), df.callActivity("A", 2)]);
    },
    { activities: { A: () => held } },
  );
  run.complete("a", "one").complete("A", "two").expectOutput(["one", "two"]);
});
