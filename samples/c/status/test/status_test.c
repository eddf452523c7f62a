/** The flows of status.c, played without a server. */
#include <dacapo_testing.h>

static void the_status_stays_to_the_end(void) {
    dacapo_play("StatusTest", NULL);
    dacapo_expect_status("{\"nextActions\": [\"A\", \"B\", \"C\"], \"foo\": 2}");
    dacapo_expect_waiting();
    dacapo_raise("Done", NULL);
    dacapo_expect_no_more_statuses();
    dacapo_expect_output("null");
}

static void as_large_as_asked_for(void) {
    dacapo_play("BigStatus", "3");
    dacapo_expect_status("\"xxx\"");
    dacapo_expect_output("null");
}

int main(void) {
    return dacapo_run_tests((const dacapo_test[]){
        {"the_status_stays_to_the_end", the_status_stays_to_the_end},
        {"as_large_as_asked_for", as_large_as_asked_for},
        {0},
    });
}
