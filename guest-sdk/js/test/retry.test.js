// Retry options, as they reach the host.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Failure, RetryOptions } from "../index.js";
import { play } from "../testing.js";

function callWith(options, script = () => null) {
  return play(
    function* Flow({ df }) {
      return yield df.callActivityWithRetry("Work", options, 7, { timeoutInMilliseconds: 50 });
    },
    { activities: { Work: script } },
  );
}

test("every option is passed on", () => {
  const options = new RetryOptions(100, 3);
  options.backoffCoefficient = 2;
  options.maxRetryIntervalInMilliseconds = 1000;
  options.retryTimeoutInMilliseconds = 5000;
  options.unlessKinds = ["sold-out"];
  const run = callWith(options);
  assert.deepEqual(run.calls[0].options, {
    retry: {
      maxAttempts: 3,
      firstDelayMs: 100,
      backoff: 2,
      maxDelayMs: 1000,
      giveUpAfterMs: 5000,
      unlessKinds: ["sold-out"],
    },
    timeoutMs: 50,
  });
  assert.equal(run.calls[0].input, 7);
});

test("what is not said is left to the host", () => {
  const { retry } = callWith(new RetryOptions(100, 1)).calls[0].options;
  const { backoff, maxDelayMs, giveUpAfterMs, unlessKinds } = retry;
  assert.deepEqual(
    { backoff, maxDelayMs, giveUpAfterMs, unlessKinds },
    { backoff: 1, maxDelayMs: null, giveUpAfterMs: null, unlessKinds: [] },
  );
});

test("a child has retries too, and an id", () => {
  const run = play(
    function* ({ df }) {
      return yield df.callSubOrchestratorWithRetry("Child", new RetryOptions(5, 2), "in", "child-1");
    },
    { orchestrators: { Child: (input, { attempt }) => `${input} ${attempt}` } },
  );
  run.expectOutput("in 1");
  const { retry, instanceId, detached } = run.calls[0].options;
  assert.deepEqual([retry.maxAttempts, instanceId, detached], [2, "child-1", false]);
});

test("a scripted activity is tried again, unless its failure is final", () => {
  const busy = (input, { attempt }) => {
    if (attempt < 3) throw new Failure("busy", "not now");
    return attempt;
  };
  callWith(new RetryOptions(1, 3), busy).expectOutput(3);
  callWith(new RetryOptions(1, 2), busy).expectFailure({ kind: "busy" });
  const final = new RetryOptions(1, 3);
  final.unlessKinds = ["busy"];
  const run = callWith(final, busy).expectFailure({ kind: "busy" });
  assert.equal(run.calls[0].attempt, 1);
});

test("options that make no sense are refused, and say which", () => {
  const broken = (change) => Object.assign(new RetryOptions(100, 3), change);
  for (const [options, message] of [
    [undefined, /callActivityWithRetry\("Work", \.\.\.\): the retry options have to be a RetryOptions/],
    [new RetryOptions(100), /maxNumberOfAttempts has to be a whole number from 1, and not undefined/],
    [new RetryOptions(-1, 3), /firstRetryIntervalInMilliseconds has to be a number of milliseconds from 0, and not -1/],
    [broken({ backoffCoefficient: 0.5 }), /backoffCoefficient has to be a number from 1, and not 0.5/],
    [broken({ unlessKinds: "busy" }), /unlessKinds has to be a list of strings/],
  ]) {
    callWith(options).expectFailure({ message });
  }
});
