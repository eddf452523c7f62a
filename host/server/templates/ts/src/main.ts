// Greets people one after the other, shows how far it is, and waits for a word of thanks.
import { app } from "dacapo";

const AN_HOUR = 3_600_000;

/** Returns the greetings and, if it comes within an hour, the thanks. */
app.orchestration("GreetAll", function* (context) {
  const names = context.df.getInput() as string[];
  const greetings: string[] = [];
  for (const name of names) {
    greetings.push(yield* context.df.callActivity<string>("Greet", name));
    context.df.setCustomStatus({ done: greetings.length, total: names.length });
  }
  const thanks = context.df.waitForExternalEvent<string>("Thanks");
  const timeout = context.df.createTimer(AN_HOUR);
  const winner = yield* context.df.Task.any([thanks, timeout]);
  if (winner !== thanks) return { greetings, thanks: null };
  timeout.cancel();
  return { greetings, thanks: yield* thanks };
});

/** Side effects belong into activities. */
app.activity<string>("Greet", { handler: (name) => `Hello ${name}!` });
