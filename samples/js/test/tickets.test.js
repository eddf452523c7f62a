// ReserveTicket, played without a server: a minute passes at once.
import { test } from "node:test";
import { play } from "dacapo/testing";
import "../tickets.js";

const OFFER = { discount: 20, discountTimeout: 60, bookingUrl: "https://www.myawesomebookingweb.com" };
const offered = () =>
  play("ReserveTicket", { input: "u", activities: { CalculateDiscount: () => 20 } }).expectStatus(OFFER);

test("a booking is confirmed while the offer lasts", () => {
  offered()
    .advance(59_999)
    .raise("BookingConfirmed", true)
    .expectStatus({ message: "Thank you for confirming your booking." })
    .expectOutput(true);
});

test("after a minute the offer is gone", () => {
  offered()
    .advance(60_000)
    .expectStatus({ message: "The booking was not confirmed on time. Please try again." })
    .expectOutput(false);
});

test("the discount is always the same for the same user", () => {
  play("ReserveTicket", { input: "user-1" }).expectStatus({ ...OFFER, discount: 48 });
});
