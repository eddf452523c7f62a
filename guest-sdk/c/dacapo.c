/** What is the same on a server and in tests: results, tasks, memory. */
#include "dacapo_host.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A module may define either; without, it has none. */
__attribute__((weak)) const dacapo_orchestrator dacapo_orchestrators[] = {{0}};
__attribute__((weak)) const dacapo_activity dacapo_activities[] = {{0}};

struct dacapo_task {
    host_task handle;
    /** There is an outcome, or there will never be one. */
    bool done;
    dacapo_result outcome;
};

static const char *or_null(const char *json) {
    return json == NULL ? "null" : json;
}

/* ---- texts ---- */

char *dacapo_format(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    char *text = dacapo_format_all(format, arguments);
    va_end(arguments);
    return text;
}

void dacapo_log(dacapo_level level, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    host_log(level, dacapo_format_all(format, arguments));
    va_end(arguments);
}

/* ---- results ---- */

dacapo_result dacapo_ok(const char *json) {
    return (dacapo_result){.ok = true, .json = or_null(json)};
}

dacapo_result dacapo_fail(const char *kind, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    dacapo_result result = {.kind = kind, .message = dacapo_format_all(format, arguments)};
    va_end(arguments);
    return result;
}

dacapo_result dacapo_fail_errno(const char *format, ...) {
    const char *reason = strerror(errno);
    va_list arguments;
    va_start(arguments, format);
    const char *what = dacapo_format_all(format, arguments);
    va_end(arguments);
    return dacapo_fail(
        "error", "%s: %s (a module has no files and no sockets; in a flow, let an activity do it)", what, reason
    );
}

/* ---- tasks ---- */

static dacapo_task *task_of(host_task handle) {
    dacapo_task *task = dacapo_allocate(sizeof *task);
    task->handle = handle;
    return task;
}

dacapo_task *dacapo_call_activity(const char *name, const char *input, const dacapo_activity_options *options) {
    return task_of(host_call_activity(name, or_null(input), options));
}

dacapo_task *dacapo_call_orchestrator(const char *name, const char *input, const dacapo_child_options *options) {
    return task_of(host_call_orchestrator(name, or_null(input), options));
}

dacapo_task *dacapo_wait_for_event(const char *name) {
    return task_of(host_wait_for_event(name));
}

dacapo_task *dacapo_start_timer(uint64_t delay_ms) {
    return task_of(host_start_timer(delay_ms));
}

/** The same memory for each wait: a wide fan-out has many. */
static host_task *room_for(size_t count) {
    static host_task *handles;
    static size_t room;
    if (count > room) {
        free(handles);
        room = count;
        handles = malloc(room * sizeof *handles);
        if (handles == NULL) {
            abort();
        }
    }
    return handles;
}

size_t dacapo_wait_any(dacapo_task *const *tasks, size_t count) {
    for (size_t n = 0; n < count; n++) {
        if (tasks[n]->done) {
            return n;
        }
    }
    host_task *handles = room_for(count);
    for (size_t n = 0; n < count; n++) {
        handles[n] = tasks[n]->handle;
    }
    size_t first = host_await_any(handles, count);
    tasks[first]->outcome = host_outcome(tasks[first]->handle);
    tasks[first]->done = true;
    return first;
}

dacapo_result dacapo_await(dacapo_task *task) {
    dacapo_wait_any(&task, 1);
    return task->outcome;
}

bool dacapo_is_done(const dacapo_task *task) {
    return task->done;
}

void dacapo_cancel(dacapo_task *task) {
    if (task->done) {
        return;
    }
    host_cancel(task->handle);
    task->done = true;
    task->outcome = dacapo_fail("canceled", "The task was canceled.");
}

dacapo_result dacapo_set_custom_status(const char *json) {
    return host_set_custom_status(or_null(json));
}
