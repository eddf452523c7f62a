// What tests ask of every language: clock and chance, exceptions, and what a sandbox does not have.
import { app } from "dacapo";
import { readings } from "./readings.js";

app.activity("Echo", { handler: (input) => input });

/** Returns what it has read of clock and chance before and after a timer; its status says what was refused. */
app.orchestration("Traces", function* (context) {
  const { values, refused } = readings(context);
  context.df.setCustomStatus({ refused });
  const first = yield context.df.callActivity("Echo", values);
  yield context.df.createTimer(1000);
  return { first, second: readings(context).values };
});

app.orchestration("Throws", function* () {
  price({ order: 7 });
});

function price({ order }) {
  return find(order);
}

function find(order) {
  throw new TypeError(`no such order: ${order}`);
}

app.orchestration("Sleeps", function* () {
  yield new Promise((resolve) => setTimeout(resolve, 10));
});

app.orchestration("OpensFile", function* () {
  // As a literal it would not build.
  const name = "node:fs";
  const { readFileSync } = yield import(name);
  return readFileSync("/etc/hostname", "utf8");
});

app.orchestration("OpensSocket", function* () {
  const reply = yield fetch("http://127.0.0.1:1/");
  return reply.status;
});

app.orchestration("NotJson", function* (context) {
  return yield context.df.callActivity("Echo", { order: { lines: [1, 10n] } });
});
