"""Greets people one after the other, shows how far it is, and waits for a word of thanks."""

from datetime import timedelta

import dacapo

AN_HOUR = timedelta(hours=1)


@dacapo.orchestrator
def greet_all(context: dacapo.OrchestrationContext) -> dacapo.Orchestration:
    """Returns the greetings and, if it comes within an hour, the thanks."""
    names = context.get_input()
    greetings = []
    for name in names:
        greetings.append((yield context.call_activity("Greet", name)))
        context.set_custom_status({"done": len(greetings), "total": len(names)})
    thanks = context.wait_for_external_event("Thanks")
    timeout = context.create_timer(AN_HOUR)
    winner = yield context.task_any([thanks, timeout])
    if winner is timeout:
        return {"greetings": greetings, "thanks": None}
    timeout.cancel()
    return {"greetings": greetings, "thanks": thanks.result}


@dacapo.activity
def greet(name: str) -> str:
    """Side effects belong into activities."""
    return f"Hello {name}!"
