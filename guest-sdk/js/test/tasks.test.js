// Waiting for several things: any, all, and one in the other.
import assert from "node:assert/strict";
import { test } from "node:test";
import { held, play } from "../testing.js";

const HELD = { A: () => held, B: () => held, C: () => held };

test("all gives the results in the order of the list", () => {
  const run = play(
    function* ({ df }) {
      return yield df.Task.all(["A", "B", "C"].map((name) => df.callActivity(name)));
    },
    { activities: HELD },
  );
  run.complete("C", 3).complete("A", 1);
  assert.equal(run.isDone, false);
  run.complete("B", 2).expectOutput([1, 2, 3]);
});

test("all fails with the first failure, at once", () => {
  const run = play(
    function* ({ df }) {
      const tasks = ["A", "B", "C"].map((name) => df.callActivity(name));
      try {
        yield df.Task.all(tasks);
      } catch (error) {
        return [error.kind, error.message, tasks.map((task) => [task.isCompleted, task.isFaulted])];
      }
    },
    { activities: HELD },
  );
  run.complete("C", 3).fail("B", Object.assign(new Error("No seats."), { kind: "sold-out" }));
  run.expectOutput([
    "sold-out",
    "No seats.",
    [
      [false, false],
      [true, true],
      [true, false],
    ],
  ]);
});

test("all of nothing is done", () => {
  play(function* ({ df }) {
    return yield df.Task.all([]);
  }).expectOutput([]);
});

test("any gives the task that was done first, and the others stay", () => {
  const run = play(
    function* ({ df }) {
      const [a, b] = [df.callActivity("A"), df.callActivity("B")];
      const winner = yield df.Task.any([a, b]);
      const before = [winner === b, winner.result, a.isCompleted];
      return [...before, yield a, a.isCompleted, a.result];
    },
    { activities: HELD },
  );
  run.complete("B", "b").complete("A", "a").expectOutput([true, "b", false, "a", true, "a"]);
});

test("a loser that is done meanwhile is completed, or gives its event back where nobody has looked at it", () => {
  const race = (then) =>
    play(function* ({ df }) {
      const [a, b, c] = ["A", "B", "C"].map((name) => df.waitForExternalEvent(name));
      const winner = yield df.Task.any([a, b]);
      yield c;
      return [winner === b, yield* then(a, df)];
    })
      .raise("B")
      .raise("A", "a")
      .raise("C");
  const again = race(function* (a) {
    return [a.isCompleted, a.isFaulted, a.result, yield a];
  });
  again.expectOutput([true, [true, false, "a", "a"]]);
  const cancelled = race(function* (a, df) {
    a.cancel();
    return [a.isCompleted, yield df.waitForExternalEvent("A")];
  });
  cancelled.expectOutput([true, [false, "a"]]);
});

test("what is done before the flow goes on is completed, whether it was waited for or not", () => {
  const run = play(
    function* ({ df }) {
      const [a, b, c] = ["A", "B", "C"].map((name) => df.callActivity(name));
      const [all, any, nested] = [df.Task.all([a, b]), df.Task.any([c, b]), df.Task.all([df.Task.any([a, c]), b])];
      yield df.waitForExternalEvent("Go");
      const seen = [a, b, c, all, any, nested].map((task) => [task.isCompleted, task.isFaulted]);
      return [seen, b.result, any.result === b, a.error.message, all.error === a.error];
    },
    { activities: HELD },
  );
  const [done, failed, open] = [
    [true, false],
    [true, true],
    [false, false],
  ];
  run.complete("B", "b").fail("A", new Error("No."));
  run.raise("Go").expectOutput([[failed, done, open, failed, done, done], "b", true, "No.", true]);
});

test("what is done after the flow was to go on is not completed yet", () => {
  const run = play(function* ({ df }) {
    const [a, b] = [df.createTimer(10), df.createTimer(20)];
    yield a;
    return [b.isCompleted, df.Task.any([b]).isCompleted];
  });
  run.advance(20).expectOutput([false, false]);
});

test("a combination that is made of what is done already is completed, by what was done first", () => {
  const run = play(
    function* ({ df }) {
      const [a, b] = ["A", "B"].map((name) => df.callActivity(name));
      yield df.waitForExternalEvent("Go");
      const any = df.Task.any([a, b]);
      return [any.isCompleted, any.result === b, df.Task.all([a, b]).result];
    },
    { activities: HELD },
  );
  run.complete("B", "b").complete("A", "a").raise("Go").expectOutput([true, true, ["a", "b"]]);
});

test("of losers and others that are done meanwhile, the one that was done first wins", () => {
  const run = play(function* ({ df }) {
    const [a, b, c, d] = ["A", "B", "C", "D"].map((name) => df.waitForExternalEvent(name));
    yield df.Task.any([a, b]);
    yield d;
    const winner = yield df.Task.any([a, c]);
    return [winner === c, yield winner, yield a];
  });
  run.raise("B").raise("C", "c").raise("A", "a").raise("D").expectOutput([true, "c", "a"]);
});

test("a long wait can be raced against short ones, again and again", () => {
  const run = play(
    function* ({ df }) {
      const all = df.Task.all(["A", "B"].map((name) => df.waitForExternalEvent(name)));
      let rounds = 0;
      while ((yield df.Task.any([all, df.createTimer(10)])) !== all) {
        rounds += 1;
        yield df.createTimer(10);
      }
      return [rounds, all.result];
    },
  );
  run.advance(10).raise("A", "a").advance(10).expectWaitingFor("wait B", "timer 10").advance(10).raise("B", "b");
  run.expectWaitingFor("timer 10").advance(10).expectOutput([2, ["a", "b"]]);
});

test("any gives a task that failed, without throwing", () => {
  const run = play(
    function* ({ df }) {
      const winner = yield df.Task.any([df.callActivity("A")]);
      try {
        yield winner;
      } catch (error) {
        return [winner.isFaulted, error.message];
      }
    },
    { activities: HELD },
  );
  run.fail("A", new Error("No.")).expectOutput([true, "No."]);
});

test("any of nothing is refused, since it would wait for ever", () => {
  play(function* ({ df }) {
    yield df.Task.any([]);
  }).expectFailure({ kind: "TypeError", message: /empty list/ });
});

test("lists nest: all of any, and any of all", () => {
  const flow = (outer, inner) =>
    function* ({ df }) {
      const wait = (name) => df.waitForExternalEvent(name);
      const result = yield df.Task[outer]([df.Task[inner]([wait("A"), wait("B")]), wait("C")]);
      return outer === "all" ? [result[0].result, result[1]] : result.result;
    };
  const all = play(flow("all", "any")).raise("B", "b");
  assert.deepEqual(all.waitingFor, ["wait C"]);
  all.raise("C", "c").expectOutput(["b", "c"]);
  play(flow("any", "all")).raise("A", "a").raise("B", "b").expectOutput(["a", "b"]);
  play(flow("any", "all")).raise("A", "a").raise("C", "c").expectOutput("c");
});

test("what is already done counts when it is combined again", () => {
  const run = play(function* ({ df }) {
    const [a, b, c] = ["A", "B", "C"].map((name) => df.waitForExternalEvent(name));
    yield a;
    const winner = yield df.Task.any([b, a]);
    const all = yield df.Task.all([a, b, a]);
    return [winner === a, all, c.isCompleted];
  });
  run
    .raise("A", 1)
    .expectWaitingFor("wait B")
    .raise("B", 2)
    .expectOutput([true, [1, 2, 1], false]);
});

test("a task can be in a list twice, and yielded twice", () => {
  const run = play(function* ({ df }) {
    const a = df.waitForExternalEvent("A");
    return [yield df.Task.all([a, a]), yield a];
  });
  run
    .expectWaitingFor("wait A")
    .raise("A", 1)
    .expectOutput([[1, 1], 1]);
});

test("a cancelled wait leaves its event to the next one", () => {
  const run = play(function* ({ df }) {
    const first = df.waitForExternalEvent("Go");
    const timer = df.createTimer(1000);
    yield df.Task.any([first, timer]);
    first.cancel();
    return [first.isCanceled, yield df.waitForExternalEvent("Go")];
  });
  run.fireTimer().raise("Go", 1).expectOutput([true, 1]);
});

test("the event of a task that is cancelled unseen goes to the next one that waits", () => {
  const run = play(
    function* ({ df }) {
      const [first, second, third] = [1, 2, 3].map(() => df.waitForExternalEvent("Go"));
      yield df.createTimer(1000);
      first.cancel();
      const events = yield df.Task.all([second, third]);
      yield df.callActivity("Tell", events);
      return events;
    },
    { events: [{ name: "go", data: 1 }], activities: { Tell: () => {} } },
  );
  run.raise("Go", 2).fireTimer().expectOutput([2, 1]);
});

test("events that are given back are in the order in which they were raised", () => {
  const run = play(function* ({ df }) {
    const tasks = [1, 2].map(() => df.waitForExternalEvent("Go"));
    yield df.createTimer(1000);
    tasks.forEach((task) => task.cancel());
    return yield df.Task.all([1, 2, 3].map(() => df.waitForExternalEvent("Go")));
  });
  run.raise("Go", 1).raise("Go", 2).raise("Go", 3).fireTimer().expectOutput([1, 2, 3]);
});

test("cancelling what has completed is an error, and cancelling twice is not", () => {
  const run = play(function* ({ df }) {
    const [timer, other] = [df.createTimer(1), df.createTimer(2)];
    yield timer;
    other.cancel();
    other.cancel();
    timer.cancel();
  });
  run.fireTimer().expectFailure({ message: "It is too late to cancel a timer: it has completed." });
  assert.deepEqual(run.commands, ["timer 1", "timer 2", "cancel 1"]);
});

test("waiting for what was cancelled is an error", () => {
  play(function* ({ df }) {
    const timer = df.createTimer(1);
    timer.cancel();
    yield df.Task.any([timer, df.waitForExternalEvent("Go")]);
  }).expectFailure({ message: "Cannot wait for a timer: it was cancelled." });
});

test("a list with something else in it is refused, and says where", () => {
  const flow = (tasks) =>
    function* ({ df }) {
      yield df.Task.all(tasks(df));
    };
  play(flow((df) => [df.createTimer(1), 5])).expectFailure({ message: /^Task\.all: item 1 of the list is not a task/ });
  play(flow(() => 5)).expectFailure({ message: /^Task\.all takes a list of tasks/ });
});

test("handles are given back once their outcome was taken", async () => {
  const { begin } = await import("../src/flow.js");
  const log = [];
  const handle = {
    watch: () => {},
    outcome: () => (log.push("outcome"), "1"),
    [Symbol.dispose ?? "undefined"]: () => log.push("dispose"),
  };
  const flow = begin(
    { startTimer: () => handle },
    {
      name: "Flow",
      *handler({ df }) {
        yield df.createTimer(1);
        log.push("went on");
      },
    },
    { inside: (go) => go() },
  );
  flow.next();
  flow.next(0);
  assert.deepEqual(log, ["outcome", "dispose", "went on"]);
});
