// What would differ on replay is out of an orchestrator's reach, and nobody else's.
import assert from "node:assert/strict";
import { test } from "node:test";
import { play } from "../testing.js";

test("clock, chance and network are refused, with what to use instead", () => {
  for (const [reach, message] of [
    [
      () => Date.now(),
      "Orchestrator Flow uses Date.now(), which differs on replay: use context.df.currentUtcDateTime.",
    ],
    [() => new Date(), /uses new Date\(\), .*currentUtcDateTime/],
    [() => Date(), /uses Date\(\), .*currentUtcDateTime/],
    [() => performance.now(), /uses performance\.now\(\)/],
    [() => Math.random(), /uses Math\.random\(\), .*newGuid/],
    [() => crypto.randomUUID(), /uses crypto\.randomUUID\(\)/],
    [() => crypto.subtle, /uses crypto\.subtle, .*activity/],
    [() => setTimeout(() => {}, 1), /uses setTimeout, .*createTimer/],
    [() => setInterval(() => {}, 1), /uses setInterval/],
    [() => fetch("https://shop.example"), /uses fetch, .*callHttp/],
  ]) {
    play(function* Flow() {
      reach();
    }).expectFailure({ kind: "forbidden", message });
  }
});

test("dates that are given stay what they are", () => {
  play(function* ({ df }) {
    const date = new Date(5);
    return [
      date.getTime(),
      date instanceof Date,
      df.currentUtcDateTime instanceof Date,
      Date.UTC(1970, 0, 1),
      Date.parse("1970-01-01"),
    ];
  }).expectOutput([5, true, true, 0, 0]);
});

test("activities have the world, and so has everything after the flow", () => {
  const before = Object.getOwnPropertyDescriptor(globalThis, "fetch");
  play(
    function* ({ df }) {
      return yield df.callActivity("Clock");
    },
    { activities: { Clock: () => typeof Date.now() } },
  ).expectOutput("number");
  play(function* () {
    throw new Error("x");
  }).expectFailure();
  assert.deepEqual(Object.getOwnPropertyDescriptor(globalThis, "fetch"), before);
  assert.equal(typeof Math.random(), "number");
});
