/** Tests of flows without a server: an orchestrator is played natively, against scripted activities, events and time.
 *
 *  Time is virtual, so an hour takes no time at all. Each step plays the flow from its beginning, as a server does after a
 *  crash, and a flow that then does something else fails the test. Compile the module, its tests and the SDK's
 *  sources, but not dacapo_wasm.c.
 *
 *  Each expectation that is not met is printed with its file and line, and fails the test that it is part of.
 */
#ifndef DACAPO_TESTING_H
#define DACAPO_TESTING_H

#include "dacapo.h"

/** A test: its name and what it does. */
typedef struct dacapo_test {
    const char *name;
    void (*run)(void);
} dacapo_test;

/** Runs the tests, ended by {0}; prints how each went, and a summary. Returns what main() should: 0 if all passed. */
int dacapo_run_tests(const dacapo_test *tests);

/* ---- before a flow is played: what stands around it ---- */

/** What an activity, or a child, does with its input instead of what the module has. It lasts until the test ends. */
void dacapo_given(const char *name, dacapo_result (*instead)(const char *input));
/** The same, for one that always returns `json`. */
void dacapo_given_value(const char *name, const char *json);

/* ---- a flow is played ---- */

/** Plays an orchestrator with an input (NULL: `null`) until it waits or ends. */
void dacapo_play(const char *orchestrator, const char *input);
/** Raises an event, and plays on. */
void dacapo_raise(const char *event, const char *json);
/** Lets time pass, in milliseconds, and plays on at each timer on the way. */
void dacapo_advance(uint64_t ms);

/* ---- what it has done ---- */

/** The next custom status that it set. Values are compared as texts, without the white space between their parts. */
#define dacapo_expect_status(json) dacapo_expect_status_at(__FILE__, __LINE__, json)
/** It set no further ones. */
#define dacapo_expect_no_more_statuses() dacapo_expect_no_more_statuses_at(__FILE__, __LINE__)
/** It has not ended. */
#define dacapo_expect_waiting() dacapo_expect_waiting_at(__FILE__, __LINE__)
/** It has ended with this value. */
#define dacapo_expect_output(json) dacapo_expect_output_at(__FILE__, __LINE__, json)
/** It has failed with this kind, and a message that contains `words`. */
#define dacapo_expect_failure(kind, words) dacapo_expect_failure_at(__FILE__, __LINE__, kind, words)
/** The n-th command that it asked for, from 0: `activity SayHello("Tokyo")`, `timer 60000`, `event Done`,
 *  `orchestrator Pay({})`, `raise other Done(null)`, `continue-as-new(1)`. */
#define dacapo_expect_command(n, text) dacapo_expect_command_at(__FILE__, __LINE__, n, text)

void dacapo_expect_status_at(const char *file, int line, const char *json);
void dacapo_expect_no_more_statuses_at(const char *file, int line);
void dacapo_expect_waiting_at(const char *file, int line);
void dacapo_expect_output_at(const char *file, int line, const char *json);
void dacapo_expect_failure_at(const char *file, int line, const char *kind, const char *words);
void dacapo_expect_command_at(const char *file, int line, size_t n, const char *text);

#endif
