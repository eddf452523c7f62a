"""A flow that shows its progress, and one whose output depends on its user."""

import dacapo

RECOMMENDATIONS = {
    1: {"recommendedCities": ["Tokyo", "Seattle"], "recommendedSeasons": ["Spring", "Summer"]},
    2: {"recommendedCities": ["Seattle", "London"], "recommendedSeasons": ["Summer"]},
    3: {"recommendedCities": ["Tokyo", "London"], "recommendedSeasons": ["Spring", "Summer"]},
}


@dacapo.orchestrator
def hello_cities(context: dacapo.OrchestrationContext) -> dacapo.Orchestration:
    """Greets three cities, and shows the last one that was greeted."""
    greetings = []
    for city in ["Tokyo", "Seattle", "London"]:
        greeting = yield context.call_activity("SayHello", city)
        greetings.append(greeting)
        context.set_custom_status(city)
    return greetings


@dacapo.activity
def say_hello(name: str) -> str:
    return f"Hello {name}!"


@dacapo.orchestrator
def city_recommender(context: dacapo.OrchestrationContext) -> dacapo.Orchestration:
    """Recommends cities for a taste (1, 2 or 3), and returns the one that the user chose."""
    taste = context.get_input(int)
    if taste not in RECOMMENDATIONS:
        raise dacapo.Error("unknown-taste", f"There is nothing to recommend for {taste}; try 1, 2 or 3.")
    context.set_custom_status(RECOMMENDATIONS[taste])

    # Clients know the event under two names.
    choices = [context.wait_for_external_event("UserChoice"), context.wait_for_external_event("Choice")]
    chosen = yield context.task_any(choices)
    return chosen.result
