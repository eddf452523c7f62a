// OrderFulfilment, played without a server.
import assert from "node:assert/strict";
import { test } from "node:test";
import { held, play } from "dacapo/testing";
import "../orders.js";

const order = (more) => ({ order: "o-1", lines: ["a", "b"].map((sku) => ({ sku, quantity: 1 })), ...more });
const names = (run) => run.calls.map(({ name }) => name);

test("all lines are reserved at once, and each one shows when it is done", () => {
  const run = play("OrderFulfilment", { input: order(), activities: { ReserveStock: () => held } });
  run.expectStatus({ done: 0, total: 2, stage: "reserving" }).complete("ReserveStock", "key");
  run.expectStatus({ done: 1, total: 2, stage: "reserving" }).complete("ReserveStock", "key");
  for (const stage of ["reserving", "charging", "shipping", "complete"]) run.expectStatus({ done: 2, total: 2, stage });
  run.expectOutput({ order: "o-1", outcome: "complete", reserved: 2 });
});

test("a busy warehouse is asked again", () => {
  const lines = [{ sku: "flaky-1", quantity: 1 }];
  const run = play("OrderFulfilment", { input: { order: "o-1", lines } });
  run.expectOutput({ order: "o-1", outcome: "complete", reserved: 1 });
  assert.equal(run.calls[0].attempt, 3);
});

test("what was done is taken back, the last step first", () => {
  const run = play("OrderFulfilment", { input: order({ order: "unshippable-1" }) });
  run.expectOutput({ order: "unshippable-1", outcome: "compensated", reason: "no courier takes unshippable-1" });
  const undone = run.calls.slice(-3).map(({ name, input }) => [name, input.line?.sku]);
  assert.deepEqual(undone, [
    ["RefundCustomer", undefined],
    ["ReleaseStock", "b"],
    ["ReleaseStock", "a"],
  ]);
});

test("a line that is out of stock is not tried again, and nothing is charged", () => {
  const run = play("OrderFulfilment", { input: order({ failAt: "b" }) });
  run.expectOutput({ order: "o-1", outcome: "compensated", reason: "b is out of stock" });
  assert.deepEqual(names(run), ["ReserveStock", "ReserveStock", "ReleaseStock"]);
  assert.equal(run.calls[1].attempt, 1);
});
