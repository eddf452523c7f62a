// Continue-as-new: the next execution, and the events that nobody has waited for.
import assert from "node:assert/strict";
import { test } from "node:test";
import { play } from "../testing.js";

const monitor = (keepEvents) =>
  function* Monitor({ df }) {
    const { round } = df.getInput();
    df.setCustomStatus(round);
    const stop = df.waitForExternalEvent("Stop");
    const pause = df.createTimer(1000);
    if ((yield df.Task.any([stop, pause])) === stop) return `stopped in round ${round}`;
    stop.cancel();
    df.continueAsNew({ round: round + 1 }, keepEvents);
  };

test("the next execution begins with the next input, at the time of the last", () => {
  const first = play(monitor(), { input: { round: 1 } })
    .expectStatus(1)
    .fireTimer()
    .expectContinuedAsNew({ round: 2 });
  assert.equal(first.output, undefined);
  const second = first.next().expectStatus(2);
  assert.equal(second.now.getTime(), 1000);
  second.raise("Stop").expectOutput("stopped in round 2");
});

test("buffered events are kept, unless they are not wanted", () => {
  const script = { input: { round: 1 }, events: [{ name: "Other" }] };
  const flow = (keepEvents) =>
    function* ({ df }) {
      if (df.getInput().round === 2) return yield df.waitForExternalEvent("Other");
      df.continueAsNew({ round: 2 }, keepEvents);
    };
  play(flow(), script).next().expectOutput(null);
  play(flow(true), script).next().expectOutput(null);
  play(flow(false), script).next().expectWaitingFor("wait Other");
});

test("events are kept in the order in which they were raised, whatever has taken them", () => {
  const first = play(
    function* ({ df }) {
      const tasks = [1, 2, 3].map(() => df.waitForExternalEvent("Go"));
      if (df.getInput() === 2) return yield df.Task.all(tasks);
      yield df.createTimer(1000);
      tasks[0].cancel();
      df.continueAsNew(2);
    },
    { input: 1 },
  );
  first.raise("Go", 1).raise("Go", 2).fireTimer().next().raise("Go", 3).expectOutput([1, 2, 3]);
});

test("a flow that did not continue has no next execution", () => {
  assert.throws(() => play(function* Flow() {}).next(), { message: "Flow did not continue as new; it returned null" });
});
