"""Custom statuses: one to query, and one as large as you like."""

import dacapo


@dacapo.orchestrator
def status_test(context: dacapo.OrchestrationContext) -> dacapo.Orchestration:
    """Publishes a status and waits; any client that knows the instance id can read it, during and after."""
    context.set_custom_status({"nextActions": ["A", "B", "C"], "foo": 2})
    yield context.wait_for_external_event("Done")


@dacapo.orchestrator
def big_status(context: dacapo.OrchestrationContext) -> None:
    """A status of so many letters. Past the server's limit the call fails, and says what the limit is."""
    context.set_custom_status("x" * context.get_input(int))
