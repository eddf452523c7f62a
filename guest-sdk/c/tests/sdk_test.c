/** The SDK and its test kit, played natively. */
#include <dacapo_testing.h>

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t failures;

#define CHECK(condition) ((condition) ? (void)0 : (void)(printf("%s:%d: %s\n", __FILE__, __LINE__, #condition), failures++))

static bool equal(const char *found, const char *expected) {
    return found != NULL && strcmp(found, expected) == 0;
}

/* ---- flows ---- */

static dacapo_result add(const char *input) {
    int64_t number;
    return dacapo_integer(input, &number) ? dacapo_ok(dacapo_format("%lld", (long long)number + 1)) : dacapo_fail("decode", "no number");
}

/** Three at once, and the sum of what they return. */
static dacapo_result fan_out(void) {
    dacapo_task *tasks[3];
    for (int n = 0; n < 3; n++) {
        tasks[n] = dacapo_call_activity("Add", dacapo_format("%d", n * 10), NULL);
    }
    int64_t sum = 0;
    for (int n = 0; n < 3; n++) {
        int64_t part;
        dacapo_result added = dacapo_await(tasks[n]);
        if (!added.ok || !dacapo_integer(added.json, &part)) {
            return added;
        }
        sum += part;
        dacapo_set_custom_status(dacapo_format("{\"sum\": %lld}", (long long)sum));
    }
    return dacapo_ok(dacapo_format("%lld", (long long)sum));
}

/** Waits for two events of one name, the first wait cancelled: the event is left to the second. */
static dacapo_result cancels(void) {
    dacapo_task *first = dacapo_wait_for_event("Go"), *timer = dacapo_start_timer(1000);
    dacapo_task *both[] = {first, timer};
    if (dacapo_wait_any(both, 2) != 1 || dacapo_is_done(first)) {
        return dacapo_fail("wrong", "the timer was first");
    }
    dacapo_cancel(first);
    dacapo_result cancelled = dacapo_await(first);
    dacapo_result answer = dacapo_await(dacapo_wait_for_event("go"));
    return dacapo_ok(dacapo_format("[%s,%s,%s]", dacapo_quote(cancelled.kind), answer.json, dacapo_await(timer).json));
}

/** Three events race, and another is waited for: what was done meanwhile is there later, until it is cancelled. */
static dacapo_result loses(void) {
    dacapo_task *all[] = {dacapo_wait_for_event("Word"), dacapo_wait_for_event("Word"), dacapo_wait_for_event("Last")};
    size_t first = dacapo_wait_any(all, 3);
    dacapo_await(dacapo_wait_for_event("Go"));
    bool seen = dacapo_is_done(all[1]) && dacapo_is_done(all[2]);
    size_t second = dacapo_wait_any(all + 1, 2), third = dacapo_wait_any(all, 3);
    dacapo_cancel(all[1]);
    dacapo_result word = dacapo_await(dacapo_wait_for_event("Word"));
    return dacapo_ok(dacapo_format("[%zu,%d,%zu,%zu,%s,%s]", first, seen, second, third, dacapo_await(all[2]).json, word.json));
}

/** Decides between a loser and another that are both done meanwhile. */
static dacapo_result decides(void) {
    dacapo_task *a = dacapo_wait_for_event("A"), *b = dacapo_wait_for_event("B"), *c = dacapo_wait_for_event("C");
    size_t first = dacapo_wait_any((dacapo_task *[]){a, b}, 2);
    dacapo_await(dacapo_wait_for_event("D"));
    size_t second = dacapo_wait_any((dacapo_task *[]){a, c}, 2);
    return dacapo_ok(dacapo_format("[%zu,%zu,%s]", first, second, dacapo_await(a).json));
}

/** Waits for thousands at once, and then for each. */
static dacapo_result crowd(void) {
    enum { COUNT = 3000 };
    static dacapo_task *tasks[COUNT];
    for (int n = 0; n < COUNT; n++) {
        tasks[n] = dacapo_call_activity("Add", dacapo_format("%d", n), NULL);
    }
    int64_t sum = dacapo_wait_any(tasks, COUNT), part;
    for (int n = 0; n < COUNT; n++) {
        sum += dacapo_integer(dacapo_await(tasks[n]).json, &part) ? part : 0;
    }
    return dacapo_ok(dacapo_format("%lld", (long long)sum));
}

static const char *const final_kinds[] = {"final", NULL};
static const dacapo_retry four_times = {.max_attempts = 4, .first_delay_ms = 10, .unless_kinds = final_kinds};

static dacapo_result retries(void) {
    dacapo_activity_options options = {.retry = &four_times, .timeout_ms = 500};
    return dacapo_await(dacapo_call_activity("Flaky", dacapo_input(), &options));
}

static dacapo_result parent(void) {
    dacapo_child_options options = {.instance_id = "kid", .detached = true};
    dacapo_result kid = dacapo_await(dacapo_call_orchestrator("Kid", "1", &options));
    dacapo_result other = dacapo_await(dacapo_call_orchestrator("Kid", "2", NULL));
    dacapo_raise_event("kid", "Hello", NULL);
    dacapo_continue_as_new(dacapo_quote(dacapo_new_uuid()), true);
    return dacapo_ok(dacapo_format("[%s,%s]", kid.json, other.json));
}

/** The same at each play, although it looks at the clock. */
static dacapo_result clock_watcher(void) {
    uint64_t begun = dacapo_now_ms();
    dacapo_await(dacapo_start_timer(5000));
    dacapo_await(dacapo_wait_for_event("Go"));
    return dacapo_ok(dacapo_format("%llu", (unsigned long long)(dacapo_now_ms() - begun)));
}

/** Remembers what it must not. */
static dacapo_result forgetful(void) {
    static int plays;
    dacapo_await(dacapo_call_activity("Add", dacapo_format("%d", plays++), NULL));
    dacapo_await(dacapo_wait_for_event("Go"));
    return dacapo_ok(NULL);
}

static dacapo_result reads_a_file(void) {
    return fopen("no/such/file", "r") == NULL ? dacapo_fail_errno("cannot read %s", "no/such/file") : dacapo_ok(NULL);
}

const dacapo_orchestrator dacapo_orchestrators[] = {
    {"FanOut", fan_out},
    {"Cancels", cancels},
    {"Loses", loses},
    {"Decides", decides},
    {"Crowd", crowd},
    {"Retries", retries},
    {"Parent", parent},
    {"ClockWatcher", clock_watcher},
    {"Forgetful", forgetful},
    {"ReadsAFile", reads_a_file},
    {0},
};
const dacapo_activity dacapo_activities[] = {{"Add", add}, {0}};

/* ---- tests ---- */

static void tasks_run_side_by_side(void) {
    dacapo_play("fanout", NULL);
    dacapo_expect_command(2, "activity Add(20)");
    dacapo_expect_status("{\"sum\":1}");
    dacapo_expect_status("{\"sum\":12}");
    dacapo_expect_status("{\"sum\":33}");
    dacapo_expect_no_more_statuses();
    dacapo_expect_output("33");
}

static dacapo_result bad_add(const char *input) {
    return equal(input, "10") ? dacapo_fail("full", "no room for %s", input) : dacapo_ok("0");
}

static void a_test_says_what_an_activity_does(void) {
    dacapo_given("Add", bad_add);
    dacapo_play("FanOut", NULL);
    dacapo_expect_failure("full", "no room for 10");
}

static void a_cancelled_wait_leaves_its_event(void) {
    dacapo_play("Cancels", NULL);
    dacapo_advance(999);
    dacapo_expect_waiting();
    dacapo_advance(1);
    dacapo_expect_waiting();
    dacapo_raise("GO", "7");
    dacapo_expect_output("[\"canceled\", 7, null]");
}

static void losers_go_on(void) {
    dacapo_play("Loses", NULL);
    dacapo_raise("Word", "1");
    dacapo_raise("Last", "9");
    dacapo_raise("Word", "2");
    dacapo_raise("Word", "3");
    dacapo_expect_waiting();
    dacapo_raise("Go", NULL);
    dacapo_expect_output("[0,1,1,0,9,2]");
}

static void of_a_loser_and_another_the_one_that_was_done_first_wins(void) {
    dacapo_play("Decides", NULL);
    dacapo_raise("B", "1");
    dacapo_raise("C", "2");
    dacapo_raise("A", "3");
    dacapo_raise("D", "4");
    dacapo_expect_output("[1,1,3]");
}

static void thousands_are_waited_for(void) {
    dacapo_play("Crowd", NULL);
    dacapo_expect_output("4501500");
}

static int left;

static dacapo_result flaky(const char *input) {
    (void)input;
    return left-- > 0 ? dacapo_fail("busy", "later") : dacapo_ok("\"done\"");
}

static dacapo_result final(const char *input) {
    (void)input;
    left--;
    return dacapo_fail("final", "never");
}

static void a_call_is_retried(void) {
    left = 3;
    dacapo_given("Flaky", flaky);
    dacapo_play("Retries", NULL);
    dacapo_expect_output("\"done\"");
    left = 4;
    dacapo_play("Retries", NULL);
    dacapo_expect_failure("busy", "later");
}

static void a_final_failure_is_not_retried(void) {
    left = 0;
    dacapo_given("Flaky", final);
    dacapo_play("Retries", NULL);
    dacapo_expect_failure("final", "never");
    CHECK(left == -1);
}

static void children_and_others_are_told(void) {
    dacapo_given_value("Kid", "\"grown\"");
    dacapo_play("Parent", NULL);
    dacapo_expect_output("[\"kid\",\"grown\"]");
    dacapo_expect_command(2, "raise kid Hello(null)");
    dacapo_expect_command(3, "continue-as-new(\"00000000-0000-8000-8000-000000000001\")");
}

static void time_is_that_of_the_turn(void) {
    dacapo_play("ClockWatcher", NULL);
    dacapo_advance(8000);
    dacapo_raise("Go", NULL);
    dacapo_expect_output("8000");
}

static void what_needs_the_system_says_that_there_is_none(void) {
    dacapo_play("ReadsAFile", NULL);
    dacapo_expect_failure("error", "cannot read no/such/file: No such file or directory (a module has no files");
}

static void values_are_read(void) {
    int64_t number = 0;
    bool truth = false;
    CHECK(dacapo_integer(" -12 ", &number) && number == -12);
    CHECK(dacapo_integer("\"3\"", &number) && number == 3);
    CHECK(!dacapo_integer("1.5", &number) && !dacapo_integer("\"x\"", &number) && !dacapo_integer("null", &number));
    CHECK(!dacapo_integer("99999999999999999999", &number));
    CHECK(dacapo_boolean("true", &truth) && truth && dacapo_boolean("\"false\"", &truth) && !truth);
    CHECK(!dacapo_boolean("1", &truth) && !dacapo_boolean("\"yes\"", &truth));
    CHECK(equal(dacapo_quote("a\"b\\\n\x01ü"), "\"a\\\"b\\\\\\u000a\\u0001ü\""));
    CHECK(equal(dacapo_string("\"a\\\"b\\\\\\n\\u00fc\\ud83d\\ude00\\/\""), "a\"b\\\nü😀/"));
    CHECK(dacapo_string("7") == NULL);
    const char *json = " [ 1 , [2, \"],\"], {\"a\": [ 3 ], \"b\" : \"}\"} ] ";
    CHECK(equal(dacapo_item(json, 0), "1") && equal(dacapo_item(json, 1), "[2, \"],\"]") && dacapo_item(json, 3) == NULL);
    CHECK(equal(dacapo_field(dacapo_item(json, 2), "a"), "[ 3 ]") && equal(dacapo_field(dacapo_item(json, 2), "b"), "\"}\""));
    CHECK(dacapo_field(dacapo_item(json, 2), "c") == NULL && dacapo_field("[]", "a") == NULL && dacapo_item("{}", 0) == NULL);
    CHECK(dacapo_item("[]", 0) == NULL && dacapo_field("{}", "a") == NULL);
}

/** The C library says what a text is to be. */
#define SAME(...) \
    do { \
        char expected[200]; \
        snprintf(expected, sizeof expected, __VA_ARGS__); \
        CHECK(equal(dacapo_format(__VA_ARGS__), expected)); \
    } while (0)

static void texts_are_those_of_printf(void) {
    const char *none = NULL;
    SAME("%s", "");
    SAME("plain, 100%%%s", "!");
    SAME("%d %i %d %d", 0, -1, INT_MAX, INT_MIN);
    SAME("%ld %lld %jd %zd", -2L, LLONG_MIN, (intmax_t)INT64_MAX, (size_t)7);
    SAME("%u %lu %llu %zu %ju", UINT_MAX, 3UL, ULLONG_MAX, SIZE_MAX, UINTMAX_MAX);
    SAME("%x %llx %x", 0xBEEFu, ULLONG_MAX, 0u);
    SAME("[%5d|%-5d|%05d|%05d|%2d]", 42, 42, 42, -42, 12345);
    SAME("[%5s|%-5s|%.2s|%-4.2s|%.*s|%*d|%2c|%c]", "ab", "ab", "abc", "abc", 1, "abc", 6, 7, 'x', 'y');
    CHECK(equal(dacapo_format("%s", none), "(null)"));
}

/* ---- tests that must fail: each is run alone, by another process ---- */

static void plays_what_differs(void) {
    dacapo_play("Forgetful", NULL);
}

static void expects_another_status(void) {
    dacapo_play("FanOut", NULL);
    dacapo_expect_status("{\"sum\":2}");
}

static void plays_what_is_not_there(void) {
    dacapo_play("Nobody", NULL);
}

static void calls_what_nothing_does(void) {
    dacapo_play("Parent", NULL);
}

static void formats_a_price(void) {
    dacapo_format("%d seats for %6.2f", 2, 9.5);
}

static void waits_for_nothing(void) {
    dacapo_wait_any(NULL, 0);
}

static const dacapo_test wrong[] = {
    {"wait", waits_for_nothing},
    {"price", formats_a_price},
    {"differs", plays_what_differs},
    {"status", expects_another_status},
    {"nobody", plays_what_is_not_there},
    {"nothing", calls_what_nothing_does},
    {0},
};

static const char *program;

static void what_is_wrong_fails_its_test(void) {
    for (const dacapo_test *test = wrong; test->name != NULL; test++) {
        char command[1000];
        snprintf(command, sizeof command, "'%s' %s >/dev/null", program, test->name);
        CHECK(system(command) != 0);
    }
}

static const dacapo_test tests[] = {
    {"tasks_run_side_by_side", tasks_run_side_by_side},
    {"a_test_says_what_an_activity_does", a_test_says_what_an_activity_does},
    {"a_cancelled_wait_leaves_its_event", a_cancelled_wait_leaves_its_event},
    {"losers_go_on", losers_go_on},
    {"of_a_loser_and_another_the_one_that_was_done_first_wins", of_a_loser_and_another_the_one_that_was_done_first_wins},
    {"thousands_are_waited_for", thousands_are_waited_for},
    {"a_call_is_retried", a_call_is_retried},
    {"a_final_failure_is_not_retried", a_final_failure_is_not_retried},
    {"children_and_others_are_told", children_and_others_are_told},
    {"time_is_that_of_the_turn", time_is_that_of_the_turn},
    {"what_needs_the_system_says_that_there_is_none", what_needs_the_system_says_that_there_is_none},
    {"values_are_read", values_are_read},
    {"texts_are_those_of_printf", texts_are_those_of_printf},
    {"what_is_wrong_fails_its_test", what_is_wrong_fails_its_test},
    {0},
};

int main(int count, char **arguments) {
    program = arguments[0];
    for (const dacapo_test *test = wrong; count > 1 && test->name != NULL; test++) {
        if (strcmp(test->name, arguments[1]) == 0) {
            return dacapo_run_tests((const dacapo_test[]){*test, {0}});
        }
    }
    int result = dacapo_run_tests(tests);
    return result != 0 || failures > 0;
}
