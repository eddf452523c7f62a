"""From the functions of a module to what the host calls."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable
from typing import Any

from .activity import ActivityContext
from .context import OrchestrationContext
from .errors import Error, NotATaskError
from .expected import expected
from .failure import Failure
from .flow import Flow, Steps
from .host import ActivityHost, Host, ParkingHost
from .registry import Registry
from .values import decode_input, encode

Outcome = str | Failure


def run_orchestrator(registry: Registry, name: str, host: ParkingHost) -> Outcome:
    """Plays an orchestrator to its end; the guest is at rest only inside `await_next`."""
    found = registry.find_orchestrator(name)
    if found is None:
        return _not_found("orchestrator", name, registry.orchestrator_names())
    steps = play(*found, host)
    key: int | None = None
    while True:
        try:
            steps.send(key)  # type: ignore[arg-type]
        except StopIteration as end:
            return typing.cast(Outcome, end.value)
        key = host.await_next()


def play(name: str, function: Callable[..., Any], host: Host) -> Steps:
    """Plays an orchestrator; yields what it waits for, wants the key of what is done, returns the Outcome."""
    flow = Flow(name, host)
    try:
        output = yield from flow.steps(function, OrchestrationContext(flow))
        return encode(output, "output", f"orchestrator {name}")
    except (KeyboardInterrupt, GeneratorExit):
        # Somebody stops playing; the flow itself has done nothing.
        raise
    except BaseException as error:
        # `sys.exit` too: it must not end the host's guest.
        return Failure.of(error)


def run_activity(registry: Registry, name: str, input_: str, host: ActivityHost) -> Outcome:
    """Runs an activity."""
    found = registry.find_activity(name)
    if found is None:
        return _not_found("activity", name, registry.activity_names())
    return act(*found, input_, host)


def act(name: str, function: Callable[..., Any], input_: str, host: ActivityHost) -> Outcome:
    """Runs a function as an activity."""
    try:
        output = function(**_arguments(name, function, input_, host))
        if isinstance(output, types.CoroutineType):
            output = _finish(name, output)
        return encode(output, "result", f"activity {name}")
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return Failure.of(error)


def _arguments(name: str, function: Callable[..., Any], input_: str, host: ActivityHost) -> dict[str, Any]:
    parameters = [parameter.name for parameter in inspect.signature(function).parameters.values()]
    arguments: dict[str, Any] = {}
    if "context" in parameters:
        parameters.remove("context")
        arguments["context"] = ActivityContext(name, host)
    if len(parameters) > 1:
        raise TypeError(
            f"activity {name} takes {', '.join(parameters)}; an activity has one input (a list or a dict holds "
            "several), and may have a parameter `context`"
        )
    for parameter in parameters:
        hint = expected(_hints(function).get(parameter, Any))
        arguments[parameter] = decode_input(input_, f"the input of activity {name}", hint)
    return arguments


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    try:
        return typing.get_type_hints(function)
    except Exception:
        # Annotations may name what only a type checker imports; then nothing is checked.
        return {}


def _finish(name: str, coroutine: types.CoroutineType[Any, Any, Any]) -> Any:
    try:
        waited_for = coroutine.send(None)
    except StopIteration as end:
        return end.value
    coroutine.close()
    raise NotATaskError(
        f"activity {name} awaits {waited_for!r:.60}; an activity has no event loop: call it without waiting"
    )


def _not_found(what: str, name: str, existing: list[str]) -> Failure:
    names = ", ".join(existing) or "none at all"
    return Failure.of(Error("not-found", f"This module has no {what} {name}; it has {names}."))
