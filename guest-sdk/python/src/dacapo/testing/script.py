"""What stands in for activities and child orchestrators."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..export import Outcome, act
from ..failure import Failure
from ..guard import allowed
from ..host import ActivityHost
from ..names import name_of
from ..registry import Registry
from ..values import encode


class ScriptError(AssertionError):
    """The test does not say what a flow asks for, or asks for what cannot be."""


Stub = Any
"""A function of the input, an exception to raise, or the result itself."""


class Script:
    """Functions by name, ignoring case: those of the test first, then those of the registry."""

    def __init__(
        self, registry: Registry, activities: Mapping[Any, Stub] | None, orchestrators: Mapping[Any, Stub] | None
    ) -> None:
        self._registry = registry
        self._activities = {name_of(name, "activity").lower(): stub for name, stub in (activities or {}).items()}
        self._orchestrators = {
            name_of(name, "orchestrator").lower(): stub for name, stub in (orchestrators or {}).items()
        }

    def run_activity(self, name: str, input_: str, host: ActivityHost) -> Outcome:
        """One attempt. Raises ScriptError when there is no such activity."""
        if name.lower() in self._activities:
            return _answer(name, self._activities[name.lower()], input_, host)
        found = self._registry.find_activity(name)
        if found is None:
            raise ScriptError(
                f"there is no activity {name!r}: give it to the test, as in play(..., activities={{{name!r}: "
                f"'a result'}}), or mark a function with @dacapo.activity; there are "
                f"{_list(self._registry.activity_names())}"
            )
        with allowed():
            return act(*found, input_, host)

    def scripted_child(self, name: str, input_: str, host: ActivityHost) -> Outcome | None:
        """The outcome that the test gives to a child; None when it is to be played."""
        if name.lower() not in self._orchestrators:
            return None
        return _answer(name, self._orchestrators[name.lower()], input_, host)

    def orchestrator(self, name: str) -> tuple[str, Callable[..., Any]]:
        """A child to play. Raises ScriptError when there is none."""
        found = self._registry.find_orchestrator(name)
        if found is None:
            raise ScriptError(
                f"there is no orchestrator {name!r}: give it to the test, as in play(..., orchestrators={{{name!r}: "
                f"'an output'}}), or mark a function with @dacapo.orchestrator; there are "
                f"{_list(self._registry.orchestrator_names())}"
            )
        return found


def _answer(name: str, stub: Stub, input_: str, host: ActivityHost) -> Outcome:
    if isinstance(stub, BaseException):
        return Failure.of(stub)
    if callable(stub):
        with allowed():
            return act(name, stub, input_, host)
    return encode(stub, "result", f"activity {name}")


def _list(names: list[str]) -> str:
    return ", ".join(names) or "none"
