/** A flow that tells its client what to do next, and waits for it for a minute. */
#include <dacapo.h>

enum { SECONDS_TO_BOOK = 60 };

/** Offers a discount, and returns whether the booking was confirmed while it lasted. */
static dacapo_result reserve_ticket(void) {
    dacapo_result discount = dacapo_await(dacapo_call_activity("CalculateDiscount", dacapo_input(), NULL));
    if (!discount.ok) {
        return discount;
    }
    dacapo_set_custom_status(dacapo_format(
        "{\"discount\":%s,\"discountTimeout\":%d,\"bookingUrl\":\"https://www.myawesomebookingweb.com\"}",
        discount.json,
        SECONDS_TO_BOOK
    ));

    dacapo_task *confirmation = dacapo_wait_for_event("BookingConfirmed");
    dacapo_task *deadline = dacapo_start_timer(SECONDS_TO_BOOK * 1000);
    dacapo_task *both[] = {confirmation, deadline};
    dacapo_wait_any(both, 2);
    bool confirmed = false;
    if (dacapo_is_done(confirmation)) {
        dacapo_result answer = dacapo_await(confirmation);
        if (!dacapo_boolean(answer.json, &confirmed)) {
            return dacapo_fail("decode", "the event BookingConfirmed is true or false; found %s", answer.json);
        }
    }
    /* The loser is let go of: nothing is to be left open. */
    dacapo_cancel(dacapo_is_done(confirmation) ? deadline : confirmation);

    dacapo_set_custom_status(
        confirmed ? "{\"message\":\"Thank you for confirming your booking.\"}"
                  : "{\"message\":\"The booking was not confirmed on time. Please try again.\"}"
    );
    return dacapo_ok(confirmed ? "true" : "false");
}

/** Between 0 and 50 percent, and always the same for the same user. */
static dacapo_result calculate_discount(const char *input) {
    int sum = 0;
    for (const char *at = input; *at != '\0'; at++) {
        sum += (unsigned char)*at;
    }
    return dacapo_ok(dacapo_format("%d", sum % 51));
}

const dacapo_orchestrator dacapo_orchestrators[] = {{"ReserveTicket", reserve_ticket}, {0}};
const dacapo_activity dacapo_activities[] = {{"CalculateDiscount", calculate_discount}, {0}};
