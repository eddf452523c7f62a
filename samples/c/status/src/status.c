/** Custom statuses: one to query, and one as large as you like. */
#include <dacapo.h>

#include <stdlib.h>
#include <string.h>

/** Publishes a status and waits; any client that knows the instance id can read it, during and after. */
static dacapo_result status_test(void) {
    dacapo_set_custom_status("{\"nextActions\":[\"A\",\"B\",\"C\"],\"foo\":2}");
    dacapo_await(dacapo_wait_for_event("Done"));
    return dacapo_ok(NULL);
}

/** A status of so many letters. Past the server's limit the call fails, and says what the limit is. */
static dacapo_result big_status(void) {
    int64_t letters;
    if (!dacapo_integer(dacapo_input(), &letters) || letters < 0 || letters > 1000000) {
        return dacapo_fail("decode", "the input of BigStatus is a number of letters; found %s", dacapo_input());
    }
    char *text = calloc(1, (size_t)letters + 1);
    memset(text, 'x', (size_t)letters);
    return dacapo_set_custom_status(dacapo_quote(text));
}

const dacapo_orchestrator dacapo_orchestrators[] = {
    {"StatusTest", status_test},
    {"BigStatus", big_status},
    {0},
};
