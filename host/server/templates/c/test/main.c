/** GreetAll, played without a server: an hour passes at once. */
#include <dacapo_testing.h>

static void greeted(void) {
    dacapo_play("GreetAll", "[\"Ada\", \"Bob\"]");
    dacapo_expect_status("{\"done\": 1, \"total\": 2}");
    dacapo_expect_status("{\"done\": 2, \"total\": 2}");
    dacapo_expect_waiting();
}

static void everybody_is_greeted_and_thanks_are_passed_on(void) {
    greeted();
    dacapo_raise("Thanks", "\"you're welcome\"");
    dacapo_expect_output("{\"greetings\": [\"Hello Ada!\", \"Hello Bob!\"], \"thanks\": \"you're welcome\"}");
}

static void nobody_waits_for_thanks_for_ever(void) {
    greeted();
    dacapo_advance(60 * 60 * 1000);
    dacapo_expect_output("{\"greetings\": [\"Hello Ada!\", \"Hello Bob!\"], \"thanks\": null}");
}

int main(void) {
    return dacapo_run_tests((const dacapo_test[]){
        {"everybody_is_greeted_and_thanks_are_passed_on", everybody_is_greeted_and_thanks_are_passed_on},
        {"nobody_waits_for_thanks_for_ever", nobody_waits_for_thanks_for_ever},
        {0},
    });
}
