// Each function of context.df: what it asks the host for, and what it gives.
import assert from "node:assert/strict";
import { test } from "node:test";
import { play } from "../testing.js";

test("an activity gets its input and gives its result", () => {
  const run = play(
    function* (context) {
      return yield context.df.callActivity("Add", { a: 1, b: 2 });
    },
    { activities: { Add: ({ a, b }) => a + b } },
  );
  run.expectOutput(3);
  assert.deepEqual(run.commands, ['Add({"a":1,"b":2})']);
  assert.equal(run.calls[0].options, null);
});

test("no input and no result are null", () => {
  const run = play(
    function* (context) {
      return [context.df.getInput(), yield context.df.callActivity("Nothing")];
    },
    { activities: { Nothing: () => undefined } },
  );
  run.expectOutput([null, null]);
  assert.deepEqual(run.commands, ["Nothing(null)"]);
});

test("an activity can have a limit of time for each attempt", () => {
  const run = play(
    function* (context) {
      yield context.df.callActivity("Slow", 1, { timeoutInMilliseconds: 1500.2 });
    },
    { activities: { Slow: () => null } },
  );
  assert.deepEqual(run.calls[0].options, { retry: null, timeoutMs: 1501 });
});

test("commands are issued by the calls, in the order of the code", () => {
  const run = play(
    function* ({ df }) {
      const b = df.callActivity("B");
      const wait = df.waitForExternalEvent("Go");
      const timer = df.createTimer(10);
      df.raiseEvent("other", "Ping", [1]);
      const child = df.callSubOrchestrator("Child", 5, "child-1");
      const a = df.callActivity("A");
      yield a;
      yield df.Task.all([b, child]);
      timer.cancel();
      yield wait;
    },
    { activities: { A: () => 1, B: () => 2 }, orchestrators: { Child: (n) => n } },
  );
  assert.deepEqual(run.commands, [
    "B(null)",
    "wait Go",
    "timer 10",
    "raise Ping([1]) at other",
    "child Child(5) as child-1",
    "A(null)",
    "cancel 2",
  ]);
  run.expectWaitingFor("wait Go").raise("Go").expectOutput(null);
  assert.deepEqual(run.raised, [{ instanceId: "other", name: "Ping", data: [1] }]);
});

test("a child has an input, an id of its own if it is given one, and an output", () => {
  const run = play(
    function* ({ df }) {
      return [yield df.callSubOrchestrator("Child", { n: 1 }), yield df.callSubOrchestrator("Child", { n: 2 }, "mine")];
    },
    { instanceId: "p", orchestrators: { Child: ({ n }, { instanceId }) => `${n} in ${instanceId}` } },
  );
  run.expectOutput(["1 in p:0", "2 in mine"]);
});

test("a child that is only started gives its id", () => {
  const run = play(function* ({ df }) {
    return yield df.startSubOrchestrator("Newsletter", null, "letter-1");
  });
  run.expectOutput("letter-1");
  assert.deepEqual(run.commands, ["start Newsletter(null) as letter-1"]);
});

test("callHttp calls the host's own activity", () => {
  const answer = { statusCode: 200, headers: { etag: "1" }, content: "{}" };
  const run = play(
    function* ({ df }) {
      yield df.callHttp({ method: "GET", url: "https://shop.example/1" });
      const body = { n: 1 };
      return yield df.callHttp({
        method: "POST",
        url: "https://shop.example/2",
        body,
        headers: { a: "b" },
        enablePolling: false,
      });
    },
    { activities: { Http: () => answer } },
  );
  run.expectOutput(answer);
  assert.deepEqual(
    run.calls.map(({ input }) => input),
    [
      { method: "GET", uri: "https://shop.example/1", headers: {}, asynchronousPatternEnabled: true },
      {
        method: "POST",
        uri: "https://shop.example/2",
        content: { n: 1 },
        headers: { a: "b" },
        asynchronousPatternEnabled: false,
      },
    ],
  );
});

test("callHttp without a url says what a request looks like", () => {
  play(function* ({ df }) {
    yield df.callHttp({ uri: "https://shop.example" });
  }).expectFailure({ kind: "TypeError", message: /callHttp takes a request with a url/ });
});

test("a timer fires at a date, or after a delay, and never early", () => {
  const run = play(
    function* ({ df }) {
      const began = df.currentUtcDateTime;
      yield df.createTimer(new Date(began.getTime() + 5000));
      yield df.createTimer(0.5);
      yield df.createTimer(new Date(0));
      return [began, df.currentUtcDateTime];
    },
    { startTime: new Date("2030-01-01T00:00:00Z") },
  );
  run.advance(4999).expectWaitingFor("timer 5000").advance(1).expectWaitingFor("timer 1").fireTimer();
  run.expectOutput(["2030-01-01T00:00:00.000Z", "2030-01-01T00:00:05.001Z"]);
  assert.deepEqual(run.commands, ["timer 5000", "timer 1", "timer 0"]);
});

test("timers of one advance fire each at its own time", () => {
  const run = play(function* ({ df }) {
    const times = [];
    for (const ms of [10, 20]) {
      yield df.createTimer(ms);
      times.push(df.currentUtcDateTime.getTime());
    }
    return times;
  });
  run.advance(100).expectOutput([10, 30]);
  assert.equal(run.now.getTime(), 100);
});

test("a timer that makes no sense is refused", () => {
  for (const when of [-1, Number.NaN, new Date("never"), "tomorrow"]) {
    play(function* ({ df }) {
      yield df.createTimer(when);
    }).expectFailure({
      kind: "RangeError",
      message: /createTimer takes a Date or a delay: it has to be a number of milli/,
    });
  }
});

test("events are kept by name, ignoring case, and each is given once", () => {
  const run = play(
    function* ({ df }) {
      const first = yield df.waitForExternalEvent("Item");
      const second = yield df.waitForExternalEvent("item");
      return [first, second];
    },
    { events: [{ name: "ITEM", data: 1 }, { name: "Other" }] },
  );
  run.expectWaitingFor("wait item").raise("Other").raise("Item", 2).expectOutput([1, 2]);
});

test("guids differ from each other", () => {
  const run = play(function* ({ df }) {
    return [df.newGuid(), df.newGuid()];
  });
  assert.match(run.output[0], /^[0-9a-f]{8}-/);
  assert.notEqual(run.output[0], run.output[1]);
});

test("a custom status over the limit can be caught, with the host's words", () => {
  const run = play(function* ({ df }) {
    try {
      df.setCustomStatus("x".repeat(9000));
    } catch (error) {
      df.setCustomStatus(error.kind);
    }
  });
  run.expectStatus("custom-status-too-large").expectOutput(null);
});

test("logs have levels and are silent while replaying", () => {
  const run = play(function* (context) {
    context.log("a", { b: 1 }, 2);
    context.log.warn("c");
    yield context.df.waitForExternalEvent("Go");
    context.log.error(new TypeError("d"));
  });
  run.raise("Go").expectOutput(null);
  assert.deepEqual(run.logs.slice(0, 2), [
    { level: "info", message: 'a {"b":1} 2' },
    { level: "warn", message: "c" },
  ]);
  assert.match(run.logs[2].message, /^TypeError: d\n/);
  assert.equal(run.logs.length, 3);
});

test("isReplaying tells a replay from the first play", () => {
  const seen = [];
  const run = play(function* ({ df }) {
    seen.push(df.isReplaying);
    yield df.waitForExternalEvent("Go");
  });
  run.raise("Go");
  assert.deepEqual(seen, [false, true]);
});

test("names have to be strings", () => {
  for (const call of [
    (df) => df.callActivity(),
    (df) => df.callActivity(""),
    (df) => df.waitForExternalEvent(3),
    (df) => df.callSubOrchestrator("Child", null, 7),
    (df) => df.raiseEvent(undefined, "Go"),
    (df) => df.callActivity("half \ud800"),
    (df) => df.waitForExternalEvent("half \udc00"),
    (df) => df.callSubOrchestrator("Child", null, "half \ud800"),
    (df) => df.raiseEvent("other", "half \ud800"),
  ]) {
    play(function* Flow({ df }) {
      yield call(df);
    }).expectFailure({ kind: "TypeError", message: /^Orchestrator Flow: \w+ takes a string as (name|instance id)/ });
  }
});
