// Custom statuses: one to query, and one as large as you like.
import { app } from "dacapo";

/** Publishes a status and waits; any client that knows the instance id can read it, during and after. */
app.orchestration("StatusTest", function* (context) {
  context.df.setCustomStatus({ nextActions: ["A", "B", "C"], foo: 2 });
  yield context.df.waitForExternalEvent("Done");
});

/** A status of so many letters. Past the server's limit the call fails, and says what the limit is. */
app.orchestration("BigStatus", function* (context) {
  context.df.setCustomStatus("x".repeat(context.df.getInput(Number)));
});
