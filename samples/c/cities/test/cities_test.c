/** The flows of cities.c, played without a server. */
#include <dacapo_testing.h>

static void hello_cities_shows_each_city_once_it_was_greeted(void) {
    dacapo_play("HelloCities", NULL);
    dacapo_expect_status("\"Tokyo\"");
    dacapo_expect_status("\"Seattle\"");
    dacapo_expect_status("\"London\"");
    dacapo_expect_no_more_statuses();
    dacapo_expect_output("[\"Hello Tokyo!\", \"Hello Seattle!\", \"Hello London!\"]");
}

static void recommender_depends_on_the_taste_and_takes_either_event(void) {
    dacapo_play("CityRecommender", "2");
    dacapo_expect_status("{\"recommendedCities\": [\"Seattle\", \"London\"], \"recommendedSeasons\": [\"Summer\"]}");
    dacapo_expect_waiting();
    dacapo_raise("Choice", "\"London\"");
    dacapo_expect_output("\"London\"");
    /* As a client sends it that encodes twice. */
    dacapo_play("CityRecommender", "\"3\"");
    dacapo_raise("UserChoice", "\"Tokyo\"");
    dacapo_expect_output("\"Tokyo\"");
}

static void recommender_names_a_taste_that_it_does_not_know(void) {
    dacapo_play("CityRecommender", "7");
    dacapo_expect_failure("unknown-taste", "nothing to recommend for 7; try 1, 2 or 3.");
    dacapo_play("CityRecommender", "\"x\"");
    dacapo_expect_failure("decode", "found \"x\"");
}

int main(void) {
    return dacapo_run_tests((const dacapo_test[]){
        {"hello_cities_shows_each_city_once_it_was_greeted", hello_cities_shows_each_city_once_it_was_greeted},
        {"recommender_depends_on_the_taste_and_takes_either_event", recommender_depends_on_the_taste_and_takes_either_event},
        {"recommender_names_a_taste_that_it_does_not_know", recommender_names_a_taste_that_it_does_not_know},
        {0},
    });
}
