// Async functions as orchestrators: what they await, in which order, and what they cannot wait for.
import assert from "node:assert/strict";
import { test } from "node:test";
import { app } from "../index.js";
import { held, play } from "../testing.js";

const Echo = (value) => value;

test("await gives the result of a task, or throws its failure", async () => {
  const run = await play(
    async ({ df }) => {
      const first = await df.callActivity("Echo", 1);
      try {
        await df.callActivity("Fail", first);
      } catch (error) {
        return [first, error.kind, error.message];
      }
    },
    {
      activities: {
        Echo,
        Fail: (n) => {
          throw new RangeError(`not ${n}`);
        },
      },
    },
  );
  run.expectOutput([1, "RangeError", "not 1"]);
  assert.deepEqual(run.commands, ["Echo(1)", "Fail(1)"]);
});

test("commands are issued by the calls, and a task can be awaited again", async () => {
  const run = await play(
    async ({ df }) => {
      const b = df.callActivity("Echo", "b");
      const a = df.callActivity("Echo", "a");
      return [await a, await b, await a, await b.then((value) => value + value)];
    },
    { activities: { Echo } },
  );
  run.expectOutput(["a", "b", "a", "bb"]);
  assert.deepEqual(run.commands, ['Echo("b")', 'Echo("a")']);
});

test("Task.any gives the task that was first, which can be awaited too", async () => {
  const race = async function Race({ df }) {
    const go = df.waitForExternalEvent("Go", Boolean);
    const timeout = df.createTimer(1000);
    const winner = await df.Task.any([go, timeout]);
    if (winner === timeout) return "late";
    timeout.cancel();
    return [winner === go, winner.result, await go];
  };
  await play(race).expectWaitingFor("wait Go", "timer 1000").raise("Go", true).expectOutput([true, true, true]);
  await play(race).advance(999).expectWaitingFor("wait Go", "timer 1000").advance(1).expectOutput("late");
});

test("Task.all gives all results, the first failure, or nothing of an empty list", async () => {
  const all = async ({ df }) => await df.Task.all(df.getInput().map((n) => df.callActivity("Work", n)));
  const Work = (n) => {
    if (n < 0) throw new RangeError(`${n}`);
    return n * n;
  };
  await play(all, { input: [3, 1, 2], activities: { Work } }).expectOutput([9, 1, 4]);
  await play(all, { input: [3, -1, -2], activities: { Work } }).expectFailure({ kind: "RangeError", message: "-1" });
  await play(all, { input: [] }).expectOutput([]);
  await play(async ({ df }) => await df.Task.all([df.Task.all([]), df.createTimer(1)]))
    .advance(1)
    .expectOutput([[], null]);
});

test("branches go on side by side, however many promises are between them and their tasks", async () => {
  const branch = async (df, name) => {
    const gathered = [];
    for (let n = 0; n < 2; n += 1) {
      for (let hop = 0; hop < 500; hop += 1) await null;
      gathered.push(await df.callActivity("Work", `${name}${n}`));
    }
    return gathered.join();
  };
  const run = await play(async ({ df }) => await Promise.all([branch(df, "a"), branch(df, "b")]), {
    activities: { Work: () => held },
  });
  run.expectWaitingFor('Work("a0")', 'Work("b0")');
  await run.complete("Work", 1).expectWaitingFor('Work("b0")', 'Work("a1")').complete("Work", 2).complete("Work", 3);
  run.expectWaitingFor('Work("b1")');
  await run.complete("Work", 4).expectOutput(["1,3", "2,4"]);
});

test("what nothing will end is an error that says where and what instead", async () => {
  const stuck = async function Stuck({ df }) {
    await df.callActivity("Echo", 1);
    await new Promise(() => {});
  };
  await play(stuck, { activities: { Echo } }).expectFailure({
    kind: "invalid-await",
    message: /^Orchestrator Stuck awaits something that nothing will end: after the result of activity Echo .*createTimer/,
  });
});

test("clock, chance and network are out of reach in all parts of the flow", async () => {
  const reach = (go) => async function Flow({ df }) {
    await df.callActivity("Echo", 1);
    await null;
    await go();
  };
  for (const [go, message] of [
    [() => new Promise((resolve) => setTimeout(resolve, 1)), /uses setTimeout, .*`await context\.df\.createTimer/],
    [() => fetch("https://shop.example"), /uses fetch, .*`await context\.df\.callHttp/],
    [() => Date.now(), /uses Date\.now\(\)/],
  ]) {
    await play(reach(go), { activities: { Echo } }).expectFailure({ kind: "forbidden", message });
  }
  assert.equal(typeof Date.now(), "number");
});

test("flows that are tested side by side do not disturb each other", async () => {
  const flow = async ({ df }) => {
    await df.createTimer(df.getInput());
    return df.currentUtcDateTime.getTime();
  };
  const runs = [1, 2, 3].map((input) => play(flow, { input }).fireTimer());
  for (const [n, run] of (await Promise.all(runs)).entries()) run.expectOutput(n + 1);
  assert.equal(typeof Date.now(), "number");
});

test("a task that is cancelled while it is awaited ends the await", async () => {
  await play(
    async ({ df }) => {
      const timer = df.createTimer(1000);
      const waits = (async () => await timer)();
      await df.callActivity("Echo", 1);
      timer.cancel();
      await waits;
    },
    { activities: { Echo } },
  ).expectFailure({ message: "Cannot wait for a timer: it was cancelled." });
});

test("a part that is cancelled ends the await of the whole, unless that is done without it", async () => {
  const flow = (verb) => async ({ df }) => {
    const timer = df.createTimer(1000);
    const waits = (async () => (await df.Task[verb]([timer, df.callActivity("Echo", 1)])) !== undefined)();
    await df.callActivity("Echo", 2);
    timer.cancel();
    return await waits;
  };
  await play(flow("any"), { activities: { Echo } }).expectOutput(true);
  await play(flow("all"), { activities: { Echo } }).expectFailure({ message: /^Cannot wait for a timer/ });
});

test("a loser that was done meanwhile gives its result when it is awaited", async () => {
  await play(async ({ df }) => {
    const [a, b, c] = ["A", "B", "C"].map((name) => df.waitForExternalEvent(name));
    await df.Task.any([a, b]);
    await c;
    return [a.isCompleted, await a];
  })
    .raise("B")
    .raise("A", "a")
    .expectWaitingFor("wait C")
    .raise("C")
    .expectOutput([true, "a"]);
});

test("a flow that does something else on replay is found out", async () => {
  let plays = 0;
  const fickle = async function Fickle({ df }) {
    plays += 1;
    await df.callActivity("Echo", plays);
    await df.waitForExternalEvent("Go");
  };
  const script = { activities: { Echo } };
  await assert.rejects(async () => await play(fickle, script), { message: /command 0 was Echo\(1\), and now it is Echo/ });
  await play(fickle, { ...script, replay: false }).expectWaitingFor("wait Go");
});

test("a run that was not awaited has no state yet, and says so", async () => {
  const run = play(async () => 1);
  assert.throws(() => run.output, { message: /`const run = await play\(\.\.\.\)`, and then run\.output/ });
  assert.equal((await run).output, 1);
});

test("async flows are registered, continue as new, and can be plain functions that return a promise", async () => {
  const count = async ({ df }) => {
    const n = df.getInput(Number);
    await df.createTimer(10);
    if (n < 2) df.continueAsNew(n + 1);
    return n;
  };
  app.orchestration("AsyncCount", (context) => count(context));
  const first = await play("AsyncCount", { input: 1 }).fireTimer().expectContinuedAsNew(2);
  await first.next().fireTimer().expectOutput(2);
});
