/** Durable orchestrators and activities in C: everything that a module uses.
 *
 *  Values are JSON texts, in UTF-8, ended by a zero byte. Every text that a function of this file returns lives until the
 *  run ends; nothing is to be freed. Texts that are passed in are copied or sent at once.
 *
 *  An orchestrator is played from its beginning again after a crash or an eviction. So it must do the same each time: it
 *  acts through this file alone. The clock and rand() of the C library may be used, too: the server makes them repeat.
 */
#ifndef DACAPO_H
#define DACAPO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- results ---- */

/** What has become of a run, or of something that was waited for. */
typedef struct dacapo_result {
    /** Whether it succeeded. */
    bool ok;
    /** The value, if it did. */
    const char *json;
    /** A short stable name that code can match on, such as "timeout", if it did not. */
    const char *kind;
    /** One sentence for people. */
    const char *message;
    /** Anything more, as JSON; NULL if there is nothing. */
    const char *details;
} dacapo_result;

/** Success with a value; NULL stands for `null`. */
dacapo_result dacapo_ok(const char *json);
/** Failure of a kind, with a message as dacapo_format() makes it. */
dacapo_result dacapo_fail(const char *kind, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** Failure of kind "error" with the reason that `errno` has: "cannot read prices.txt: No such file or directory", say.
 *  Adds that a module has no files and no sockets. `format` is dacapo_format()'s. */
dacapo_result dacapo_fail_errno(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ---- what a module has ---- */

/** An orchestrator: the name that clients start it by, and what it does. It returns when the flow has ended. */
typedef struct dacapo_orchestrator {
    const char *name;
    dacapo_result (*run)(void);
} dacapo_orchestrator;

/** An activity: the name that orchestrators call it by, and what it does with the input that it is given. */
typedef struct dacapo_activity {
    const char *name;
    dacapo_result (*run)(const char *input);
} dacapo_activity;

/** The module's orchestrators, ended by {0}. Defined by the module; one that has only activities leaves it out. */
extern const dacapo_orchestrator dacapo_orchestrators[];
/** The module's activities, ended by {0}. Defined by the module; one that has only orchestrators leaves it out. */
extern const dacapo_activity dacapo_activities[];

/* ---- tasks: what an orchestrator has in flight ---- */

/** Something in flight. Several run side by side: start them all, then wait. */
typedef struct dacapo_task dacapo_task;

/** Durable retries. The first two fields are needed; zero means none for the others. */
typedef struct dacapo_retry {
    /** Attempts in all, the first one included; at least 1. */
    uint32_t max_attempts;
    /** Wait before the second attempt. */
    uint64_t first_delay_ms;
    /** Factor from one wait to the next, 1.0 or more; 0 stands for 1.0. */
    double backoff;
    /** The longest wait. */
    uint64_t max_delay_ms;
    /** No attempt starts later than this after the first one. */
    uint64_t give_up_after_ms;
    /** Failures of these kinds are final at once; ended by NULL. */
    const char *const *unless_kinds;
} dacapo_retry;

/** How to call an activity. Zero means none. */
typedef struct dacapo_activity_options {
    const dacapo_retry *retry;
    /** Past it an attempt fails with kind "timeout". */
    uint64_t timeout_ms;
} dacapo_activity_options;

/** How to start a child. Zero means none. */
typedef struct dacapo_child_options {
    /** The child's own id; derived from the parent's when NULL. */
    const char *instance_id;
    const dacapo_retry *retry;
    /** Start it and do not wait: the task is done, with the child's id, as soon as the child exists. */
    bool detached;
} dacapo_child_options;

/** Runs an activity at least once; its result is recorded once. `input` NULL stands for `null`, `options` for none. */
dacapo_task *dacapo_call_activity(const char *name, const char *input, const dacapo_activity_options *options);
/** Starts another orchestrator. */
dacapo_task *dacapo_call_orchestrator(const char *name, const char *input, const dacapo_child_options *options);
/** Waits for an event. Events are buffered per name, ignoring case, until they are waited for: first come, first served. */
dacapo_task *dacapo_wait_for_event(const char *name);
/** Is done, with `null`, once so many milliseconds have passed since the time of this turn. */
dacapo_task *dacapo_start_timer(uint64_t delay_ms);

/** Waits for a task; its outcome. Of a task that is done it is known at once. */
dacapo_result dacapo_await(dacapo_task *task);
/** Waits until one of `count` tasks is done; its index; of several, that of the one that was done first. The others go on. */
size_t dacapo_wait_any(dacapo_task *const *tasks, size_t count);
/** Whether it is done: as far as things had come when the flow was resumed last, whatever it waited for. */
bool dacapo_is_done(const dacapo_task *task);
/** Stops waiting for a task that is not done: a timer is disarmed, an event is left to the next wait, a result is ignored. */
void dacapo_cancel(dacapo_task *task);

/* ---- what else an orchestrator may ask ---- */

/** The input of this execution; `null` when there is none. */
const char *dacapo_input(void);
/** Publishes progress; visible once this turn is recorded. Fails past the server's limit. NULL stands for `null`. */
dacapo_result dacapo_set_custom_status(const char *json);
/** Sends an event to another instance, exactly once. */
void dacapo_raise_event(const char *instance_id, const char *name, const char *json);
/** Begins the next execution with this input, once the orchestrator has returned; `keep_events`: with what nothing has taken. */
void dacapo_continue_as_new(const char *input, bool keep_events);
/** Time of the turn, in milliseconds since 1970 (UTC); the same on replay. */
uint64_t dacapo_now_ms(void);
/** A UUID that is the same on replay. */
const char *dacapo_new_uuid(void);
/** Whether this turn has already been played once. */
bool dacapo_is_replaying(void);

/* ---- orchestrators and activities alike ---- */

typedef enum dacapo_level { DACAPO_DEBUG, DACAPO_INFO, DACAPO_WARN, DACAPO_ERROR } dacapo_level;

/** The id of the instance: the orchestrator's own, or the one that called the activity. */
const char *dacapo_instance_id(void);
/** A line in the server's log, as dacapo_format() makes it; silent while an orchestrator is replayed. */
void dacapo_log(dacapo_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- activities ---- */

/** The same for every attempt and every re-run of this call; different for any other call. */
const char *dacapo_idempotency_key(void);
/** 1 for the first attempt of the retry policy. */
uint32_t dacapo_attempt(void);
/** Shown in the instance's status while the activity runs; not durable. */
void dacapo_report_progress(const char *json);

/* ---- JSON, as far as flows need it; bring a library for more ---- */

/** A text as printf() makes it of `%s`, `%c`, `%d`, `%i`, `%u`, `%x` and `%%`, with the flags `-` and `0`, a width, the most
 *  bytes of a string (`%.*s`), and the sizes `l`, `ll`, `z` and `j`. Ends the run at any other, and names it. Floating-point
 *  is left out, for it would double a small module: write it with snprintf(), and pass the text by `%s`. */
char *dacapo_format(const char *format, ...) __attribute__((format(printf, 1, 2)));
/** A text as a JSON string, in quotes. */
char *dacapo_quote(const char *text);
/** The text of a JSON string; NULL if it is none. */
char *dacapo_string(const char *json);
/** Reads a whole number, also one that a client has encoded twice ("3" for 3). False if it is none. */
bool dacapo_integer(const char *json, int64_t *value);
/** Reads true or false, also one that a client has encoded twice. False if it is neither. */
bool dacapo_boolean(const char *json, bool *value);
/** The n-th item of a JSON array, from 0; NULL past its end, or if it is no array. */
char *dacapo_item(const char *json, size_t n);
/** The value of a JSON object's field; NULL if there is none, or it is no object. */
char *dacapo_field(const char *json, const char *name);

#endif
