/** The flow of tickets.c, played without a server. */
#include <dacapo_testing.h>

static const char sorry[] = "{\"message\": \"The booking was not confirmed on time. Please try again.\"}";

static void offer(void) {
    dacapo_play("ReserveTicket", "\"user-1\"");
    dacapo_expect_status(
        "{\"discount\": 48, \"discountTimeout\": 60, \"bookingUrl\": \"https://www.myawesomebookingweb.com\"}"
    );
    dacapo_expect_waiting();
}

static void confirmed_in_time(void) {
    offer();
    dacapo_advance(59000);
    dacapo_raise("BookingConfirmed", "true");
    dacapo_expect_status("{\"message\": \"Thank you for confirming your booking.\"}");
    dacapo_expect_output("true");
}

static void refused(void) {
    offer();
    dacapo_raise("BookingConfirmed", "false");
    dacapo_expect_status(sorry);
    dacapo_expect_output("false");
}

static void too_late(void) {
    offer();
    dacapo_advance(60000);
    dacapo_expect_status(sorry);
    dacapo_expect_output("false");
}

int main(void) {
    return dacapo_run_tests((const dacapo_test[]){
        {"confirmed_in_time", confirmed_in_time},
        {"refused", refused},
        {"too_late", too_late},
        {0},
    });
}
