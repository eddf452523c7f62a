// How often a flow asks its host: each task is handed over once, and each wait is one question.
import assert from "node:assert/strict";
import { test } from "node:test";
import { play } from "../testing.js";
import { Host } from "../src/testing/host.js";
import { Handle } from "../src/testing/tasks.js";

const TASKS = 3000;
const Work = (n) => n;
const calls = ({ df }) => Array.from({ length: TASKS }, (_, n) => df.callActivity("Work", n));

/** How many tasks are handed over, and how many answers are asked for: when first played, and on replay. */
async function counted(go) {
  const counts = { watch: 0, poll: 0, force: 0 };
  const restore = [count(Handle, "watch", counts), count(Host, "poll", counts), count(Host, "force", counts)];
  await go();
  for (const back of restore) back();
  return counts;
}

function count({ prototype }, name, counts) {
  const before = prototype[name];
  prototype[name] = function (...args) {
    counts[name] += 1;
    return before.apply(this, args);
  };
  return () => (prototype[name] = before);
}

const FANS = {
  *yields(context) {
    return (yield context.df.Task.all(calls(context))).length;
  },
  async awaits(context) {
    return (await context.df.Task.all(calls(context))).length;
  },
  async promises(context) {
    return (await Promise.all(calls(context))).length;
  },
};

for (const [name, flow] of Object.entries(FANS)) {
  test(`each of many tasks is handed to the host once, and each wait is one question: ${name}`, async () => {
    const played = (replay) => counted(() => play(flow, { activities: { Work }, replay }).expectOutput(TASKS));
    assert.deepEqual(await played(false), { watch: TASKS, poll: TASKS, force: 0 });
    assert.deepEqual(await played(true), { watch: 2 * TASKS, poll: TASKS, force: TASKS });
  });
}
