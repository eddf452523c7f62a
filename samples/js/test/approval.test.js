// Approval and AskApprover, played without a server.
import assert from "node:assert/strict";
import { test } from "node:test";
import { held, play } from "dacapo/testing";
import "../approval.js";

const input = { request: "a desk", approvers: ["bob", "ann", "bob"], escalateTo: "zoe", escalateAfterMs: 1000 };
const asking = () => play("Approval", { instanceId: "desk", input, orchestrators: { AskApprover: () => held } });

test("the first answer counts, and the others are told", () => {
  const run = asking().expectStatus({ waitingFor: ["ann", "bob"], escalated: false });
  run.complete("AskApprover", { approver: "ann", approved: true });
  run.expectOutput({ approved: true, by: "ann", escalated: false });
  assert.deepEqual(run.raised, [{ instanceId: "desk-bob", name: "Withdrawn", data: null }]);
});

test("after a while somebody else is asked", () => {
  const run = asking().advance(1000);
  assert.deepEqual(run.status, { waitingFor: ["ann", "bob", "zoe"], escalated: true });
  assert.equal(run.commands.at(-1), 'child AskApprover({"request":"a desk","approver":"zoe"}) as desk-zoe');
  run.complete("AskApprover", { approver: "ann", approved: null });
  run.expectOutput({ approved: false, by: "ann", escalated: true });
});

test("an approver decides, or is not needed any more", () => {
  const ask = () => play("AskApprover", { input: { request: "a desk", approver: "ann" } });
  ask().raise("Decision", "false").expectOutput({ approver: "ann", approved: false });
  ask().raise("Withdrawn").expectOutput({ approver: "ann", approved: null });
});
