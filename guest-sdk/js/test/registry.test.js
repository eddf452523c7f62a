// Names: given once, found ignoring case, and named when they are missing.
import assert from "node:assert/strict";
import { test } from "node:test";
import * as all from "../index.js";
import { activities, orchestrators } from "../src/registry.js";

const { app, df } = all;

test("both ways to import give the same", () => {
  assert.equal(df.app, app);
  assert.equal(all.df.RetryOptions, all.RetryOptions);
});

test("names are listed in the order of registration and found in any case", () => {
  app.orchestration("RegistryFlow", function* () {});
  app.activity("RegistryWork", { handler: () => 1 });
  app.activity("RegistryPlain", () => 1);
  assert.deepEqual(orchestrators.names(), ["RegistryFlow"]);
  assert.deepEqual(activities.names(), ["RegistryWork", "RegistryPlain"]);
  assert.equal(activities.get("registrywork").name, "RegistryWork");
});

test("a name that is given twice is an error, also in another case", () => {
  app.activity("RegistryTwice", () => 1);
  assert.throws(() => app.activity("RegistryTwice", () => 2), {
    message: "The activity RegistryTwice is registered twice: each name can be given once.",
  });
  assert.throws(() => app.activity("registryTWICE", () => 2), {
    message: /as RegistryTwice before, and case does not count/,
  });
  app.orchestration("RegistryTwice", function* () {});
});

test("a name that is missing is told with those that exist", () => {
  assert.throws(() => orchestrators.get("RegistryNobody"), {
    kind: "not-found",
    message: /^This module has no orchestrator RegistryNobody; it has RegistryFlow/,
  });
});

test("a registration that makes no sense says what is missing", () => {
  assert.throws(() => app.activity("RegistryEmpty", {}), {
    message: /app\.activity\("RegistryEmpty", \.\.\.\) has no handler/,
  });
  assert.throws(() => app.orchestration("", function* () {}), { message: /the name has to be a string/ });
});
