// A flow that tells its client what to do next, and waits for it for a minute.
import { app } from "dacapo";

const SECONDS_TO_BOOK = 60;

/** Offers a discount, and returns whether the booking was confirmed while it lasted. */
app.orchestration("ReserveTicket", function* (context) {
  const discount = yield* context.df.callActivity<number>("CalculateDiscount", context.df.getInput());
  context.df.setCustomStatus({
    discount,
    discountTimeout: SECONDS_TO_BOOK,
    bookingUrl: "https://www.myawesomebookingweb.com",
  });

  const confirmation = context.df.waitForExternalEvent("BookingConfirmed", Boolean);
  const timeout = context.df.createTimer(SECONDS_TO_BOOK * 1000);
  const winner = yield* context.df.Task.any([confirmation, timeout]);
  let confirmed = false;
  if (winner === confirmation) {
    timeout.cancel();
    // It gives the data, or throws if that was no boolean.
    confirmed = yield* confirmation;
  }

  const message = confirmed
    ? "Thank you for confirming your booking."
    : "The booking was not confirmed on time. Please try again.";
  context.df.setCustomStatus({ message });
  return confirmed;
});

/** Between 0 and 50 percent, and always the same for the same user. */
app.activity<unknown>("CalculateDiscount", {
  handler: (userId) => sumOfBytes(JSON.stringify(userId)) % 51,
});

/** Of the text in UTF-8. */
function sumOfBytes(text: string): number {
  const bytes = encodeURIComponent(text).match(/%..|./g) ?? [];
  const value = (byte: string) => (byte.length > 1 ? parseInt(byte.slice(1), 16) : byte.charCodeAt(0));
  return bytes.reduce((sum, byte) => sum + value(byte), 0);
}
