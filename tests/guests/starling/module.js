// Flows as async functions: what samples show as generators, and what only `await` can do.
import { app } from "dacapo";
import { readings } from "../js/readings.js";

/** Greets three cities, and shows the last one that was greeted. */
app.orchestration("HelloCities", async function (context) {
  const greetings = [];
  for (const city of ["Tokyo", "Seattle", "London"]) {
    greetings.push(await context.df.callActivity("SayHello", city));
    context.df.setCustomStatus(city);
  }
  return greetings;
});

app.activity("SayHello", { input: String, handler: (name) => `Hello ${name}!` });

const SECONDS_TO_BOOK = 60;

/** Offers a discount, and returns whether the booking was confirmed while it lasted. */
app.orchestration("ReserveTicket", async function (context) {
  const discount = await context.df.callActivity("CalculateDiscount", context.df.getInput());
  context.df.setCustomStatus({
    discount,
    discountTimeout: SECONDS_TO_BOOK,
    bookingUrl: "https://www.myawesomebookingweb.com",
  });

  const confirmed = await booked(context.df);
  const message = confirmed
    ? "Thank you for confirming your booking."
    : "The booking was not confirmed on time. Please try again.";
  context.df.setCustomStatus({ message });
  return confirmed;
});

async function booked(df) {
  const confirmation = df.waitForExternalEvent("BookingConfirmed", Boolean);
  const timeout = df.createTimer(SECONDS_TO_BOOK * 1000);
  if ((await df.Task.any([confirmation, timeout])) !== confirmation) return false;
  timeout.cancel();
  // It gives the data, or throws if that was no boolean.
  return await confirmation;
}

/** Between 0 and 50 percent, and always the same for the same user. */
app.activity("CalculateDiscount", {
  handler: (userId) => new TextEncoder().encode(JSON.stringify(userId)).reduce((sum, byte) => sum + byte, 0) % 51,
});

/** Greets five people at once, and returns the greetings in their order. */
app.orchestration("Parallel", async function ({ df }) {
  const people = ["Ada", "Bob", "Cleo", "Dan", "Eve"];
  return await df.Task.all(people.map((name) => df.callActivity("SayHello", name)));
});

app.activity("Echo", { handler: (input) => input });

/** Returns what it has read of clock and chance before and after a timer; its status says what was refused. */
app.orchestration("Traces", async function (context) {
  const { values, refused } = readings(context);
  context.df.setCustomStatus({ refused });
  const first = await context.df.callActivity("Echo", values);
  await context.df.createTimer(1000);
  return { first, second: readings(context).values };
});
