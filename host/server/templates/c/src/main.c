/** Greets people one after the other, shows how far it is, and waits for a word of thanks. */
#include <dacapo.h>

enum { AN_HOUR_MS = 60 * 60 * 1000 };

/** Returns the greetings and, if it comes within an hour, the thanks. */
static dacapo_result greet_all(void) {
    const char *names = dacapo_input(), *greetings = "";
    int total = 0;
    while (dacapo_item(names, total) != NULL) {
        total++;
    }
    for (int done = 0; done < total; done++) {
        dacapo_result greeting = dacapo_await(dacapo_call_activity("Greet", dacapo_item(names, done), NULL));
        if (!greeting.ok) {
            return greeting;
        }
        greetings = dacapo_format("%s%s%s", greetings, done == 0 ? "" : ",", greeting.json);
        dacapo_set_custom_status(dacapo_format("{\"done\":%d,\"total\":%d}", done + 1, total));
    }

    dacapo_task *thanks = dacapo_wait_for_event("Thanks"), *timeout = dacapo_start_timer(AN_HOUR_MS);
    dacapo_task *both[] = {thanks, timeout};
    dacapo_wait_any(both, 2);
    if (!dacapo_is_done(thanks)) {
        return dacapo_ok(dacapo_format("{\"greetings\":[%s],\"thanks\":null}", greetings));
    }
    dacapo_cancel(timeout);
    return dacapo_ok(dacapo_format("{\"greetings\":[%s],\"thanks\":%s}", greetings, dacapo_await(thanks).json));
}

/** Side effects belong into activities. */
static dacapo_result greet(const char *input) {
    const char *name = dacapo_string(input);
    if (name == NULL) {
        return dacapo_fail("decode", "the input of Greet is a name; found %s", input);
    }
    return dacapo_ok(dacapo_quote(dacapo_format("Hello %s!", name)));
}

const dacapo_orchestrator dacapo_orchestrators[] = {{"GreetAll", greet_all}, {0}};
const dacapo_activity dacapo_activities[] = {{"Greet", greet}, {0}};
