// StatusTest and BigStatus, played without a server.
import assert from "node:assert/strict";
import { test } from "node:test";
import { play } from "dacapo/testing";
import "../status.js";

test("StatusTest shows its status until it is done, and after", () => {
  const run = play("StatusTest")
    .expectStatus({ nextActions: ["A", "B", "C"], foo: 2 })
    .expectWaitingFor("wait Done");
  run.raise("Done").expectOutput(null);
  assert.equal(run.statuses.length, 1);
});

test("BigStatus fails past the limit", () => {
  play("BigStatus", { input: 8701 }).expectOutput(null);
  play("BigStatus", { input: 8702 }).expectFailure({ kind: "custom-status-too-large" });
});
