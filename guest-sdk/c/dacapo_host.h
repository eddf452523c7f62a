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
/** The index of the first one that is done; does not return before there is one. */
size_t host_await_any(const host_task *tasks, size_t count);
/** Takes the outcome of a task that host_await_any has returned, and lets go of it. */
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
