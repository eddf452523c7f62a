/** The test kit: a host that plays a flow from its beginning for each step, against a script. */
#include "dacapo_testing.h"

#include "dacapo_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/** When a flow begins: 1 January 2026. */
#define BEGINNING_MS 1767225600000u

/** Something that has no place yet in the order in which things were done. */
#define NOT_DONE 0

typedef enum { ACTIVITY, CHILD, TIMER, EVENT, OTHER } what;

/** A command, and what has become of it. */
typedef struct {
    what what;
    /** As it is shown, and compared when it is played again. */
    char *text;
    /** What it is about: the name of the event, and which one it took. */
    char *name;
    size_t event;
    /** When a timer is due. */
    uint64_t due_ms;
    /** Which one it was of all that were done; the time then, and what came of it. */
    size_t done;
    uint64_t done_ms;
    dacapo_result outcome;
    bool canceled;
    /** What this play knows it by, while it is watched. */
    dacapo_task *watched_as;
} command;

typedef struct {
    char *name, *json;
    bool taken;
} event;

typedef struct {
    const char *name;
    dacapo_result (*instead)(const char *input);
    const char *json;
} given;

/** A list that grows. */
#define LIST(type) \
    struct { \
        type *items; \
        size_t count; \
    }
#define ADD(list, item) \
    ((list).items = grow((list).items, ((list).count + 1) * sizeof *(list).items), (list).items[(list).count++] = (item))

/** What is known of the test that runs. */
static struct {
    LIST(given) givens;
    const dacapo_orchestrator *orchestrator;
    const char *input;
    LIST(command) commands;
    LIST(event) events;
    LIST(char *) statuses;
    /** Statuses that were looked at. */
    size_t seen;
    size_t done;
    uint64_t now_ms;
    bool ended;
    dacapo_result end;
    size_t failures;
} test;

/** What is known of the play that runs: a flow from its beginning. */
static struct {
    size_t commands, statuses, uuids;
    uint64_t now_ms;
    jmp_buf rest;
} play;

/* ---- memory: all of a test lives until the next one ---- */

static LIST(void *) memories;

static void *grow(void *memory, size_t size) {
    memory = realloc(memory, size);
    if (memory == NULL) {
        abort();
    }
    return memory;
}

void *dacapo_allocate(size_t size) {
    void *memory = grow(NULL, size == 0 ? 1 : size);
    memset(memory, 0, size);
    ADD(memories, memory);
    return memory;
}

static char *copy(const char *text) {
    return text == NULL ? NULL : strcpy(dacapo_allocate(strlen(text) + 1), text);
}

static void forget(void) {
    free(test.givens.items);
    free(test.commands.items);
    free(test.events.items);
    free(test.statuses.items);
    for (size_t n = 0; n < memories.count; n++) {
        free(memories.items[n]);
    }
    memories.count = 0;
    memset(&test, 0, sizeof test);
}

/* ---- failures ---- */

static void complain(const char *file, int line, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    if (file != NULL) {
        printf("%s:%d: ", file, line);
    }
    vprintf(format, arguments);
    printf("\n");
    va_end(arguments);
    test.failures++;
}

/** A mistake of the flow or the test after which there is no going on. */
static void give_up(const char *message) {
    complain(NULL, 0, "%s", message);
    test.ended = true;
    test.end = dacapo_fail("test", "%s", message);
    longjmp(play.rest, 1);
}

/* ---- commands ---- */

static void finish(command *command, dacapo_result outcome) {
    command->done = ++test.done;
    command->done_ms = test.now_ms;
    command->outcome = outcome;
}

/** The next command of this play; whether it is asked for the first time. */
static bool ask(what what, char *text, size_t *index) {
    *index = play.commands++;
    if (*index == test.commands.count) {
        command command = {.what = what, .text = text};
        ADD(test.commands, command);
        return true;
    }
    const char *before = test.commands.items[*index].text;
    if (strcmp(before, text) != 0) {
        give_up(dacapo_format(
            "it cannot be replayed: command %zu was %s, and is %s when the flow is played again; use nothing that "
            "differs from one play to the next",
            *index,
            before,
            text
        ));
    }
    return false;
}

/** What a call does: as the test says, or as the module does. */
static dacapo_result call(const char *name, const char *input) {
    for (size_t n = 0; n < test.givens.count; n++) {
        const given *given = &test.givens.items[n];
        if (strcasecmp(given->name, name) == 0) {
            return given->instead != NULL ? given->instead(input) : dacapo_ok(given->json);
        }
    }
    for (const dacapo_activity *activity = dacapo_activities; activity->name != NULL; activity++) {
        if (strcasecmp(activity->name, name) == 0) {
            return activity->run(input);
        }
    }
    give_up(dacapo_format("nothing says what %s does: give the test a dacapo_given(\"%s\", ...)", name, name));
    return dacapo_ok(NULL);
}

/** Attempts follow each other at once. */
static dacapo_result attempts(const char *name, const char *input, const dacapo_retry *retry) {
    dacapo_result result = call(name, input);
    for (uint32_t attempt = 1; !result.ok && retry != NULL && attempt < retry->max_attempts; attempt++) {
        for (const char *const *kind = retry->unless_kinds; kind != NULL && *kind != NULL; kind++) {
            if (strcmp(*kind, result.kind) == 0) {
                return result;
            }
        }
        result = call(name, input);
    }
    return result;
}

host_task host_call_activity(const char *name, const char *input, const dacapo_activity_options *options) {
    size_t index;
    if (ask(ACTIVITY, dacapo_format("activity %s(%s)", name, input), &index)) {
        dacapo_result result = attempts(name, input, options == NULL ? NULL : options->retry);
        finish(&test.commands.items[index], result);
    }
    return (host_task)index;
}

host_task host_call_orchestrator(const char *name, const char *input, const dacapo_child_options *options) {
    size_t index;
    if (ask(CHILD, dacapo_format("orchestrator %s(%s)", name, input), &index)) {
        dacapo_result result = attempts(name, input, options == NULL ? NULL : options->retry);
        if (options != NULL && options->detached) {
            const char *id = options->instance_id;
            result = dacapo_ok(dacapo_quote(id != NULL ? id : dacapo_format("test:%zu", index)));
        }
        finish(&test.commands.items[index], result);
    }
    return (host_task)index;
}

host_task host_start_timer(uint64_t delay_ms) {
    size_t index;
    if (ask(TIMER, dacapo_format("timer %llu", (unsigned long long)delay_ms), &index)) {
        test.commands.items[index].due_ms = play.now_ms + delay_ms;
    }
    return (host_task)index;
}

/** Hands buffered events to those who wait for them, first come, first served. */
static void deliver(void) {
    for (size_t n = 0; n < test.commands.count; n++) {
        command *wait = &test.commands.items[n];
        for (size_t e = 0; wait->what == EVENT && wait->done == NOT_DONE && !wait->canceled && e < test.events.count; e++) {
            event *event = &test.events.items[e];
            if (!event->taken && strcasecmp(event->name, wait->name) == 0) {
                event->taken = true;
                wait->event = e;
                finish(wait, dacapo_ok(event->json));
            }
        }
    }
}

host_task host_wait_for_event(const char *name) {
    size_t index;
    if (ask(EVENT, dacapo_format("event %s", name), &index)) {
        test.commands.items[index].name = copy(name);
        deliver();
    }
    return (host_task)index;
}

/* ---- waiting ---- */

void host_watch(host_task task, dacapo_task *as) {
    test.commands.items[task].watched_as = as;
}

static dacapo_task *unwatch(command *command) {
    dacapo_task *as = command->watched_as;
    command->watched_as = NULL;
    return as;
}

dacapo_task *host_await_next(void) {
    command *first = NULL;
    for (size_t n = 0; n < test.commands.count; n++) {
        command *watched = &test.commands.items[n];
        if (watched->watched_as != NULL && watched->done != NOT_DONE && (first == NULL || watched->done < first->done)) {
            first = watched;
        }
    }
    if (first == NULL) {
        longjmp(play.rest, 1);
    }
    play.now_ms = first->done_ms > play.now_ms ? first->done_ms : play.now_ms;
    return unwatch(first);
}

dacapo_result host_outcome(host_task task) {
    return test.commands.items[task].outcome;
}

void host_cancel(host_task task) {
    command *command = &test.commands.items[task];
    unwatch(command);
    if (command->canceled) {
        return;
    }
    command->canceled = true;
    if (command->what == EVENT && command->done != NOT_DONE) {
        test.events.items[command->event].taken = false;
        deliver();
    }
}

/* ---- what else a flow asks for ---- */

dacapo_result host_set_custom_status(const char *json) {
    size_t index = play.statuses++;
    if (index == test.statuses.count) {
        ADD(test.statuses, copy(json));
    } else if (strcmp(test.statuses.items[index], json) != 0) {
        give_up(dacapo_format(
            "it cannot be replayed: status %zu was %s, and is %s when the flow is played again",
            index,
            test.statuses.items[index],
            json
        ));
    }
    return dacapo_ok(NULL);
}

void host_log(dacapo_level level, const char *message) {
    (void)level;
    printf("    %s\n", message);
    /* It may say why the next statement ends the program. */
    fflush(stdout);
}

const char *dacapo_input(void) {
    return test.input;
}

void dacapo_raise_event(const char *instance_id, const char *name, const char *json) {
    size_t index;
    ask(OTHER, dacapo_format("raise %s %s(%s)", instance_id, name, json == NULL ? "null" : json), &index);
}

void dacapo_continue_as_new(const char *input, bool keep_events) {
    (void)keep_events;
    size_t index;
    ask(OTHER, dacapo_format("continue-as-new(%s)", input == NULL ? "null" : input), &index);
}

const char *dacapo_instance_id(void) {
    return "test";
}

uint64_t dacapo_now_ms(void) {
    return play.now_ms;
}

const char *dacapo_new_uuid(void) {
    return dacapo_format("00000000-0000-8000-8000-%012zx", ++play.uuids);
}

bool dacapo_is_replaying(void) {
    return play.commands < test.commands.count;
}

const char *dacapo_idempotency_key(void) {
    return dacapo_format("test:%zu", play.commands);
}

uint32_t dacapo_attempt(void) {
    return 1;
}

void dacapo_report_progress(const char *json) {
    (void)json;
}

/* ---- playing ---- */

/** Plays the flow from its beginning until it waits or ends. */
static void play_again(void) {
    play.commands = play.statuses = play.uuids = 0;
    play.now_ms = BEGINNING_MS;
    for (size_t n = 0; n < test.commands.count; n++) {
        unwatch(&test.commands.items[n]);
    }
    if (setjmp(play.rest) == 0) {
        dacapo_result end = test.orchestrator->run();
        test.ended = true;
        test.end = end;
    }
}

static void go_on(void) {
    if (test.orchestrator == NULL || test.ended) {
        return;
    }
    play_again();
    /* Once more, also when it has ended: what it does must not depend on how often it is played. */
    if (test.failures == 0) {
        bool ended = test.ended;
        test.ended = false;
        play_again();
        if (ended && !test.ended) {
            complain(NULL, 0, "it ended, and waits when it is played again");
        }
    }
}

void dacapo_given(const char *name, dacapo_result (*instead)(const char *input)) {
    given given = {.name = name, .instead = instead};
    ADD(test.givens, given);
}

void dacapo_given_value(const char *name, const char *json) {
    given given = {.name = name, .json = json};
    ADD(test.givens, given);
}

void dacapo_play(const char *orchestrator, const char *input) {
    test.commands.count = test.events.count = test.statuses.count = test.seen = test.done = 0;
    test.ended = false;
    test.now_ms = BEGINNING_MS;
    test.input = input == NULL ? "null" : input;
    test.orchestrator = NULL;
    for (const dacapo_orchestrator *found = dacapo_orchestrators; found->name != NULL; found++) {
        if (strcasecmp(found->name, orchestrator) == 0) {
            test.orchestrator = found;
        }
    }
    if (test.orchestrator == NULL) {
        complain(NULL, 0, "there is no orchestrator called %s", orchestrator);
    }
    go_on();
}

void dacapo_raise(const char *name, const char *json) {
    event event = {.name = copy(name), .json = copy(json == NULL ? "null" : json)};
    ADD(test.events, event);
    deliver();
    go_on();
}

/** The timer that is due first until `limit_ms`; NULL if there is none. */
static command *next_timer(uint64_t limit_ms) {
    command *next = NULL;
    for (size_t n = 0; n < test.commands.count; n++) {
        command *timer = &test.commands.items[n];
        bool armed = timer->what == TIMER && timer->done == NOT_DONE && !timer->canceled && timer->due_ms <= limit_ms;
        if (armed && (next == NULL || timer->due_ms < next->due_ms)) {
            next = timer;
        }
    }
    return next;
}

void dacapo_advance(uint64_t ms) {
    uint64_t until_ms = test.now_ms + ms;
    for (command *timer; !test.ended && (timer = next_timer(until_ms)) != NULL;) {
        test.now_ms = timer->due_ms;
        finish(timer, dacapo_ok(NULL));
        go_on();
    }
    test.now_ms = until_ms;
}

/* ---- expectations ---- */

/** A JSON text without the white space between its parts. */
static const char *tight(const char *json) {
    char *text = dacapo_allocate(strlen(json) + 1), *out = text;
    bool within = false;
    for (; *json != '\0'; json++) {
        if (within && *json == '\\' && json[1] != '\0') {
            *out++ = *json++;
        } else if (*json == '"') {
            within = !within;
        }
        if (within || strchr(" \t\r\n", *json) == NULL) {
            *out++ = *json;
        }
    }
    return text;
}

static bool same(const char *one, const char *other) {
    return strcmp(tight(one), tight(other)) == 0;
}

/** How the flow has ended, or that it has not. */
static const char *state(void) {
    if (!test.ended) {
        return "it waits";
    }
    if (test.end.ok) {
        return dacapo_format("it ended with %s", test.end.json);
    }
    return dacapo_format("it failed, kind %s: %s", test.end.kind, test.end.message);
}

void dacapo_expect_status_at(const char *file, int line, const char *json) {
    if (test.seen == test.statuses.count) {
        complain(file, line, "expected the status %s; it set no further one, and %s", json, state());
        return;
    }
    const char *found = test.statuses.items[test.seen++];
    if (!same(found, json)) {
        complain(file, line, "expected the status %s; found %s", json, found);
    }
}

void dacapo_expect_no_more_statuses_at(const char *file, int line) {
    if (test.seen < test.statuses.count) {
        complain(file, line, "expected no further status; found %s", test.statuses.items[test.seen]);
    }
}

void dacapo_expect_waiting_at(const char *file, int line) {
    if (test.ended) {
        complain(file, line, "expected it to wait; %s", state());
    }
}

void dacapo_expect_output_at(const char *file, int line, const char *json) {
    if (!test.ended || !test.end.ok || !same(test.end.json, json)) {
        complain(file, line, "expected it to end with %s; %s", json, state());
    }
}

void dacapo_expect_failure_at(const char *file, int line, const char *kind, const char *words) {
    bool failed = test.ended && !test.end.ok;
    if (!failed || strcmp(test.end.kind, kind) != 0 || strstr(test.end.message, words) == NULL) {
        complain(file, line, "expected it to fail, kind %s: ...%s...; %s", kind, words, state());
    }
}

void dacapo_expect_command_at(const char *file, int line, size_t n, const char *text) {
    const char *found = n < test.commands.count ? test.commands.items[n].text : "nothing";
    if (strcmp(found, text) != 0) {
        complain(file, line, "expected command %zu to be %s; found %s", n, text, found);
    }
}

int dacapo_run_tests(const dacapo_test *tests) {
    size_t passed = 0, failed = 0;
    for (; tests->name != NULL; tests++) {
        tests->run();
        bool good = test.failures == 0;
        printf("test %s ... %s\n", tests->name, good ? "ok" : "FAILED");
        good ? passed++ : failed++;
        forget();
    }
    printf("test result: %zu passed; %zu failed\n", passed, failed);
    return failed == 0 ? 0 : 1;
}
