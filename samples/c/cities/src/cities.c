/** A flow that shows its progress, and one whose output depends on its user. */
#include <dacapo.h>

/** Greets three cities, and shows the last one that was greeted. */
static dacapo_result hello_cities(void) {
    const char *cities[] = {"\"Tokyo\"", "\"Seattle\"", "\"London\""};
    const char *greetings[3];
    for (int n = 0; n < 3; n++) {
        dacapo_result greeting = dacapo_await(dacapo_call_activity("SayHello", cities[n], NULL));
        if (!greeting.ok) {
            return greeting;
        }
        greetings[n] = greeting.json;
        dacapo_set_custom_status(cities[n]);
    }
    return dacapo_ok(dacapo_format("[%s,%s,%s]", greetings[0], greetings[1], greetings[2]));
}

static dacapo_result say_hello(const char *input) {
    const char *name = dacapo_string(input);
    if (name == NULL) {
        return dacapo_fail("decode", "the input of SayHello is a name; found %s", input);
    }
    return dacapo_ok(dacapo_quote(dacapo_format("Hello %s!", name)));
}

/** Recommends cities for a taste (1, 2 or 3), and returns the one that the user chose. */
static dacapo_result city_recommender(void) {
    static const char *const recommendations[] = {
        "{\"recommendedCities\":[\"Tokyo\",\"Seattle\"],\"recommendedSeasons\":[\"Spring\",\"Summer\"]}",
        "{\"recommendedCities\":[\"Seattle\",\"London\"],\"recommendedSeasons\":[\"Summer\"]}",
        "{\"recommendedCities\":[\"Tokyo\",\"London\"],\"recommendedSeasons\":[\"Spring\",\"Summer\"]}",
    };
    int64_t taste;
    if (!dacapo_integer(dacapo_input(), &taste)) {
        return dacapo_fail("decode", "the input of CityRecommender is a taste (1, 2 or 3); found %s", dacapo_input());
    }
    if (taste < 1 || taste > 3) {
        return dacapo_fail("unknown-taste", "There is nothing to recommend for %lld; try 1, 2 or 3.", (long long)taste);
    }
    dacapo_set_custom_status(recommendations[taste - 1]);

    /* Clients know the event under two names. */
    dacapo_task *choices[] = {dacapo_wait_for_event("UserChoice"), dacapo_wait_for_event("Choice")};
    return dacapo_await(choices[dacapo_wait_any(choices, 2)]);
}

const dacapo_orchestrator dacapo_orchestrators[] = {
    {"HelloCities", hello_cities},
    {"CityRecommender", city_recommender},
    {0},
};
const dacapo_activity dacapo_activities[] = {{"SayHello", say_hello}, {0}};
