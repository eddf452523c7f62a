/** What the language itself offers for time and chance, and the mistakes that it lets one make: each language has this. */
#define _GNU_SOURCE
#include <dacapo.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/** Values of the clock and of chance; the same whenever this is played. */
static const char *drawn(const char *more) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t secure;
    getentropy(&secure, sizeof secure);
    long long clock_ms = (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    return dacapo_format("{\"clockMs\":%lld,\"random\":%d,\"secure\":\"%llx\"%s}", clock_ms, rand(), (unsigned long long)secure, more);
}

static dacapo_result traces(void) {
    srand((unsigned)time(NULL));
    const char *more = dacapo_format(",\"uuid\":\"%s\",\"now\":%llu", dacapo_new_uuid(), (unsigned long long)dacapo_now_ms());
    dacapo_result first = dacapo_await(dacapo_call_activity("Echo", drawn(more), NULL));
    if (!first.ok) {
        return first;
    }
    dacapo_await(dacapo_start_timer(1000));
    return dacapo_ok(dacapo_format("{\"first\":%s,\"second\":%s}", first.json, drawn("")));
}

static dacapo_result find(int order) {
    return dacapo_fail("no-such-order", "no such order: %d", order);
}

/** A mistake deep in a flow. */
static dacapo_result throws(void) {
    dacapo_result found = find(7);
    found.details = "{\"order\":7}";
    return found;
}

__attribute__((noinline)) static void broken(int order) {
    fprintf(stderr, "no such order: %d\n", order);
    abort();
}

static dacapo_result aborts(void) {
    broken(7);
    return dacapo_ok(NULL);
}

static dacapo_result formats_a_price(void) {
    return dacapo_ok(dacapo_format("[%d, %6.2f]", 7, 9.5));
}

static dacapo_result sleeps(void) {
    usleep(10000);
    return dacapo_ok(NULL);
}

static dacapo_result opens_file(void) {
    if (fopen("/etc/hostname", "r") == NULL) {
        return dacapo_fail_errno("cannot read /etc/hostname");
    }
    return dacapo_ok(NULL);
}

static dacapo_result not_json(void) {
    return dacapo_await(dacapo_call_activity("Echo", "{\"order\":{\"lines\":[1,nan]}}", NULL));
}

static dacapo_result echo(const char *input) {
    return dacapo_ok(input);
}

const dacapo_orchestrator dacapo_orchestrators[] = {
    {"Traces", traces},
    {"Throws", throws},
    {"Aborts", aborts},
    {"FormatsAPrice", formats_a_price},
    {"Sleeps", sleeps},
    {"OpensFile", opens_file},
    {"NotJson", not_json},
    {0},
};
const dacapo_activity dacapo_activities[] = {{"Echo", echo}, {0}};
