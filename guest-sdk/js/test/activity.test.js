// Activities: what they are given, and what becomes of what they return.
import assert from "node:assert/strict";
import { test } from "node:test";
import { runActivity } from "../src/activity.js";

function host() {
  const log = [];
  return {
    log: (level, message) => log.push(`${level} ${message}`),
    instanceId: () => "order-1",
    idempotencyKey: () => "key-1",
    attempt: () => 2,
    reportProgress: (text) => log.push(`progress ${text}`),
    lines: log,
  };
}

test("an activity knows its call, reports and logs", () => {
  const told = host();
  const handler = (input, context) => {
    context.reportProgress({ percent: 40 });
    context.log.debug("connected");
    return [input, context.instanceId, context.idempotencyKey, context.attempt, context.functionName];
  };
  const result = runActivity(told, { name: "Work", handler }, '{"a":1}');
  assert.equal(result, '[{"a":1},"order-1","key-1",2,"Work"]');
  assert.deepEqual(told.lines, ['progress {"percent":40}', "debug connected"]);
});

test("its result has to be JSON", () => {
  const run = (handler) => () => runActivity(host(), { name: "Work", handler }, "null");
  assert.throws(
    run(() => ({ at: new Map() })),
    { kind: "encode", message: /^The result of activity Work .* result\.at is a Map/ },
  );
  assert.equal(run(() => {})(), "null");
});
