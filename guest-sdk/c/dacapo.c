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
    /** 0 while it is open. Later its place among the tasks that were done. */
    size_t place;
    /** There is an outcome, or there will never be one. */
    bool over;
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
    host_watch(handle, task);
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

static void set_done(dacapo_task *task) {
    static size_t done;
    task->place = ++done;
}

static void end(dacapo_task *task, dacapo_result outcome) {
    task->over = true;
    task->outcome = outcome;
}

/** The index of the task that was done first; `count` when none is. */
static size_t first_done(dacapo_task *const *tasks, size_t count) {
    size_t first = count;
    for (size_t n = 0; n < count; n++) {
        if (tasks[n]->place > 0 && (first == count || tasks[n]->place < tasks[first]->place)) {
            first = n;
        }
    }
    return first;
}

size_t dacapo_wait_any(dacapo_task *const *tasks, size_t count) {
    if (count == 0) {
        dacapo_log(DACAPO_ERROR, "dacapo_wait_any has no tasks to wait for");
        abort();
    }
    size_t first;
    while ((first = first_done(tasks, count)) == count) {
        /* It may be one that nobody waits for yet: so all have their places in the order in which they were done. */
        set_done(host_await_next());
    }
    if (!tasks[first]->over) {
        end(tasks[first], host_outcome(tasks[first]->handle));
    }
    return first;
}

dacapo_result dacapo_await(dacapo_task *task) {
    dacapo_wait_any(&task, 1);
    return task->outcome;
}

bool dacapo_is_done(const dacapo_task *task) {
    return task->place > 0;
}

void dacapo_cancel(dacapo_task *task) {
    if (task->over) {
        return;
    }
    host_cancel(task->handle);
    set_done(task);
    end(task, dacapo_fail("canceled", "The task was canceled."));
}

dacapo_result dacapo_set_custom_status(const char *json) {
    return host_set_custom_status(or_null(json));
}
