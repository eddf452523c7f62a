/** The module on a server: the guest contract by the canonical ABI, written out. Needs dacapo:orchestration 0.1.
 *
 *  A component is instantiated for one run, so nothing is ever given back.
 */
#include "dacapo_host.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- memory ---- */

void *dacapo_allocate(size_t size) {
    void *memory = calloc(1, size);
    if (memory == NULL) {
        abort();
    }
    return memory;
}

#define EXPORT(name) __attribute__((export_name(name)))

/** Where the host puts what it answers. One byte more than it asked for: that ends a text. */
EXPORT("cabi_realloc") void *cabi_realloc(void *old, size_t old_size, size_t align, size_t new_size) {
    (void)align; /* Nothing is aligned to more than malloc() does. */
    char *memory = dacapo_allocate(new_size + 1);
    if (old != NULL) {
        memcpy(memory, old, old_size < new_size ? old_size : new_size);
    }
    return memory;
}

/* ---- values of the contract, as they lie in memory ---- */

typedef struct {
    const char *text;
    size_t length;
} string;

typedef struct {
    string *items;
    size_t length;
} strings;

typedef struct {
    uint8_t some;
    string value;
} option_string;

typedef struct {
    uint8_t some;
    uint64_t value;
} option_u64;

typedef struct {
    uint32_t max_attempts;
    uint64_t first_delay_ms;
    double backoff;
    option_u64 max_delay_ms, give_up_after_ms;
    strings unless_kinds;
} retry_policy;

typedef struct {
    uint8_t some;
    retry_policy value;
} option_retry;

typedef struct {
    string name, input;
    uint8_t some_options;
    struct {
        option_retry retry;
        option_u64 timeout_ms;
    } options;
} activity_call;

typedef struct {
    string name, input;
    uint8_t some_options;
    struct {
        option_string instance_id;
        option_retry retry;
        uint8_t detached;
    } options;
} orchestrator_call;

/** result<json, failure>; also that of a status, which has no value. */
typedef struct {
    uint8_t failed;
    union {
        string json;
        struct {
            string kind, message;
            option_string details;
        } failure;
    };
} outcome;

static string string_of(const char *text) {
    return (string){text, strlen(text)};
}

static option_string maybe(const char *text) {
    return text == NULL ? (option_string){0} : (option_string){1, string_of(text)};
}

/** Options have no zero: it stands for none. */
static option_u64 unless_zero(uint64_t value) {
    return (option_u64){value != 0, value};
}

static option_retry policy(const dacapo_retry *retry) {
    if (retry == NULL) {
        return (option_retry){0};
    }
    size_t kinds = 0;
    while (retry->unless_kinds != NULL && retry->unless_kinds[kinds] != NULL) {
        kinds++;
    }
    string *unless = dacapo_allocate(kinds * sizeof *unless + 1);
    for (size_t n = 0; n < kinds; n++) {
        unless[n] = string_of(retry->unless_kinds[n]);
    }
    return (option_retry){
        1,
        {
            .max_attempts = retry->max_attempts,
            .first_delay_ms = retry->first_delay_ms,
            .backoff = retry->backoff == 0 ? 1 : retry->backoff,
            .max_delay_ms = unless_zero(retry->max_delay_ms),
            .give_up_after_ms = unless_zero(retry->give_up_after_ms),
            .unless_kinds = {unless, kinds},
        },
    };
}

static dacapo_result result_of(const outcome *outcome) {
    if (!outcome->failed) {
        return dacapo_ok(outcome->json.text);
    }
    return (dacapo_result){
        .kind = outcome->failure.kind.text,
        .message = outcome->failure.message.text,
        .details = outcome->failure.details.some ? outcome->failure.details.value.text : NULL,
    };
}

static outcome *outcome_of(dacapo_result result) {
    outcome *outcome = dacapo_allocate(sizeof *outcome);
    outcome->failed = !result.ok;
    if (result.ok) {
        outcome->json = string_of(result.json);
    } else {
        outcome->failure.kind = string_of(result.kind);
        outcome->failure.message = string_of(result.message);
        outcome->failure.details = maybe(result.details);
    }
    return outcome;
}

/* ---- what the host offers ---- */

#define CONTEXT(name) __attribute__((import_module("dacapo:orchestration/context@0.1.0"), import_name(name)))
#define ACTIVITY(name) __attribute__((import_module("dacapo:orchestration/activity-context@0.1.0"), import_name(name)))

CONTEXT("get-input") void context_get_input(string *answer);
CONTEXT("call-activity") host_task context_call_activity(const activity_call *call);
CONTEXT("call-orchestrator") host_task context_call_orchestrator(const orchestrator_call *call);
CONTEXT("wait-for-event") host_task context_wait_for_event(const char *name, size_t length);
CONTEXT("start-timer") host_task context_start_timer(uint64_t delay_ms);
CONTEXT("await-next") dacapo_task *context_await_next(void);
CONTEXT("[method]task.outcome") void task_outcome(host_task task, outcome *answer);
CONTEXT("[method]task.cancel") void task_cancel(host_task task);
CONTEXT("[method]task.watch") void task_watch(host_task task, dacapo_task *key);
CONTEXT("[resource-drop]task") void task_drop(host_task task);
CONTEXT("set-custom-status") void context_set_custom_status(const char *json, size_t length, outcome *answer);
CONTEXT("raise-event")
void context_raise_event(const char *id, size_t id_length, const char *name, size_t name_length, const char *json, size_t length);
CONTEXT("continue-as-new") void context_continue_as_new(const char *input, size_t length, uint32_t keep_events);
CONTEXT("instance-id") void context_instance_id(string *answer);
CONTEXT("current-time-ms") uint64_t context_current_time_ms(void);
CONTEXT("new-uuid") void context_new_uuid(string *answer);
CONTEXT("is-replaying") uint32_t context_is_replaying(void);
CONTEXT("log") void context_log(uint32_t level, const char *message, size_t length);

ACTIVITY("instance-id") void activity_instance_id(string *answer);
ACTIVITY("idempotency-key") void activity_idempotency_key(string *answer);
ACTIVITY("attempt") uint32_t activity_attempt(void);
ACTIVITY("report-progress") void activity_report_progress(const char *json, size_t length);
ACTIVITY("log") void activity_log(uint32_t level, const char *message, size_t length);

/** Whether an activity runs. An orchestrator has another context. */
static bool in_activity;

host_task host_call_activity(const char *name, const char *input, const dacapo_activity_options *options) {
    activity_call call = {.name = string_of(name), .input = string_of(input)};
    if (options != NULL) {
        call.some_options = 1;
        call.options.retry = policy(options->retry);
        call.options.timeout_ms = unless_zero(options->timeout_ms);
    }
    return context_call_activity(&call);
}

host_task host_call_orchestrator(const char *name, const char *input, const dacapo_child_options *options) {
    orchestrator_call call = {.name = string_of(name), .input = string_of(input)};
    if (options != NULL) {
        call.some_options = 1;
        call.options.instance_id = maybe(options->instance_id);
        call.options.retry = policy(options->retry);
        call.options.detached = options->detached;
    }
    return context_call_orchestrator(&call);
}

host_task host_wait_for_event(const char *name) {
    return context_wait_for_event(name, strlen(name));
}

host_task host_start_timer(uint64_t delay_ms) {
    return context_start_timer(delay_ms);
}

void host_watch(host_task task, dacapo_task *as) {
    task_watch(task, as);
}

dacapo_task *host_await_next(void) {
    return context_await_next();
}

dacapo_result host_outcome(host_task task) {
    outcome answer;
    task_outcome(task, &answer);
    task_drop(task);
    return result_of(&answer);
}

void host_cancel(host_task task) {
    task_cancel(task);
    task_drop(task);
}

dacapo_result host_set_custom_status(const char *json) {
    outcome answer = {0};
    context_set_custom_status(json, strlen(json), &answer);
    return answer.failed ? result_of(&answer) : dacapo_ok(NULL);
}

void host_log(dacapo_level level, const char *message) {
    (in_activity ? activity_log : context_log)(level, message, strlen(message));
}

const char *dacapo_input(void) {
    string answer;
    context_get_input(&answer);
    return answer.text;
}

void dacapo_raise_event(const char *instance_id, const char *name, const char *json) {
    json = json == NULL ? "null" : json;
    context_raise_event(instance_id, strlen(instance_id), name, strlen(name), json, strlen(json));
}

void dacapo_continue_as_new(const char *input, bool keep_events) {
    input = input == NULL ? "null" : input;
    context_continue_as_new(input, strlen(input), keep_events);
}

const char *dacapo_instance_id(void) {
    string answer;
    (in_activity ? activity_instance_id : context_instance_id)(&answer);
    return answer.text;
}

uint64_t dacapo_now_ms(void) {
    return context_current_time_ms();
}

const char *dacapo_new_uuid(void) {
    string answer;
    context_new_uuid(&answer);
    return answer.text;
}

bool dacapo_is_replaying(void) {
    return context_is_replaying() != 0;
}

const char *dacapo_idempotency_key(void) {
    string answer;
    activity_idempotency_key(&answer);
    return answer.text;
}

uint32_t dacapo_attempt(void) {
    return activity_attempt();
}

void dacapo_report_progress(const char *json) {
    activity_report_progress(json, strlen(json));
}

/* ---- what the module exports ---- */

static bool is(const char *name, const char *wanted, size_t length) {
    return strlen(name) == length && strncasecmp(name, wanted, length) == 0;
}

EXPORT("dacapo:orchestration/orchestrators@0.1.0#names") strings *orchestrators_names(void) {
    size_t count = 0;
    while (dacapo_orchestrators[count].name != NULL) {
        count++;
    }
    strings *names = dacapo_allocate(sizeof *names);
    *names = (strings){dacapo_allocate(count * sizeof *names->items + 1), count};
    for (size_t n = 0; n < count; n++) {
        names->items[n] = string_of(dacapo_orchestrators[n].name);
    }
    return names;
}

EXPORT("dacapo:orchestration/orchestrators@0.1.0#run") outcome *orchestrators_run(const char *name, size_t length) {
    for (const dacapo_orchestrator *found = dacapo_orchestrators; found->name != NULL; found++) {
        if (is(found->name, name, length)) {
            return outcome_of(found->run());
        }
    }
    return outcome_of(dacapo_fail("not-found", "This module has no orchestrator called '%.*s'.", (int)length, name));
}

EXPORT("dacapo:orchestration/activities@0.1.0#names") strings *activities_names(void) {
    size_t count = 0;
    while (dacapo_activities[count].name != NULL) {
        count++;
    }
    strings *names = dacapo_allocate(sizeof *names);
    *names = (strings){dacapo_allocate(count * sizeof *names->items + 1), count};
    for (size_t n = 0; n < count; n++) {
        names->items[n] = string_of(dacapo_activities[n].name);
    }
    return names;
}

EXPORT("dacapo:orchestration/activities@0.1.0#run")
outcome *activities_run(const char *name, size_t length, const char *input, size_t input_length) {
    (void)input_length; /* It ends with a zero byte. */
    in_activity = true;
    for (const dacapo_activity *found = dacapo_activities; found->name != NULL; found++) {
        if (is(found->name, name, length)) {
            return outcome_of(found->run(input));
        }
    }
    return outcome_of(dacapo_fail("not-found", "This module has no activity called '%.*s'.", (int)length, name));
}
