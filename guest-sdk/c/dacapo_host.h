/** What the SDK asks of whoever plays the module: a server, or the test kit. Not for modules. */
#ifndef DACAPO_HOST_H
#define DACAPO_HOST_H

#include "dacapo.h"

#include <stdarg.h>

typedef uint32_t host_task;

host_task host_call_activity(const char *name, const char *input, const dacapo_activity_options *options);
host_task host_call_orchestrator(const char *name, const char *input, const dacapo_child_options *options);
host_task host_wait_for_event(const char *name);
host_task host_start_timer(uint64_t delay_ms);
/** From now on host_await_next waits for the task, too, and returns `as` for it, once. */
void host_watch(host_task task, dacapo_task *as);
/** The first one of those that are watched to be done; does not return before there is one. */
dacapo_task *host_await_next(void);
/** Takes the outcome of a task that host_await_next has returned, and lets go of it. */
dacapo_result host_outcome(host_task task);
/** Cancels a task, and lets go of it. */
void host_cancel(host_task task);
dacapo_result host_set_custom_status(const char *json);
void host_log(dacapo_level level, const char *message);

/** Memory that lives until the run ends, zeroed. Does not return without it. */
void *dacapo_allocate(size_t size);
/** What dacapo_format returns. */
char *dacapo_format_all(const char *format, va_list arguments);

#endif
