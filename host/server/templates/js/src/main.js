// Greets people one after the other, shows how far it is, and waits for a word of thanks.
import { app } from "dacapo";

const AN_HOUR = 3_600_000;

/** Returns the greetings and, if it comes within an hour, the thanks. */
app.orchestration("GreetAll", function* (context) {
  const names = context.df.getInput();
  const greetings = [];
  for (const name of names) {
    greetings.push(yield context.df.callActivity("Greet", name));
    context.df.setCustomStatus({ done: greetings.length, total: names.length });
  }
  const thanks = context.df.waitForExternalEvent("Thanks");
  const timeout = context.df.createTimer(AN_HOUR);
  const winner = yield context.df.Task.any([thanks, timeout]);
  if (winner === thanks) timeout.cancel();
  return { greetings, thanks: winner === thanks ? thanks.result : null };
});

/** Side effects belong into activities. */
app.activity("Greet", { handler: (name) => `Hello ${name}!` });
