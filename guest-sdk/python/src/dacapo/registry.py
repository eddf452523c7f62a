"""The functions of a module, by the names that clients and orchestrators use."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, TypeVar, overload

from .errors import DuplicateNameError
from .names import mark, pascal_case

F = TypeVar("F", bound=Callable[..., Any])


class Registry:
    """Two sets of functions; within each, names differ by more than case."""

    def __init__(self) -> None:
        self._orchestrators: dict[str, tuple[str, Callable[..., Any]]] = {}
        self._activities: dict[str, tuple[str, Callable[..., Any]]] = {}

    @overload
    def orchestrator(self, name: F) -> F: ...
    @overload
    def orchestrator(self, name: str | None = None) -> Callable[[F], F]: ...

    def orchestrator(self, name: Any = None) -> Any:
        """Marks an orchestrator: `def flow(context)` that yields tasks, or `async def flow(context)` that awaits them.

        It is called by its function's name in Pascal case (`hello_cities`: HelloCities), or by the name given, as in
        `@dacapo.orchestrator("HelloCities")`. Raises DuplicateNameError when there is one of that name, ignoring case.
        """
        return self._decorate(name, "orchestrator", self._orchestrators)

    @overload
    def activity(self, name: F) -> F: ...
    @overload
    def activity(self, name: str | None = None) -> Callable[[F], F]: ...

    def activity(self, name: Any = None) -> Any:
        """Marks an activity: a function of its input, or of nothing. A parameter `context` gets an ActivityContext.

        It is called like an orchestrator. Where the input is annotated, as in `(city: str)`, another type is refused.
        """
        return self._decorate(name, "activity", self._activities)

    def find_orchestrator(self, name: str) -> tuple[str, Callable[..., Any]] | None:
        """The name as registered, and the function; case is ignored."""
        return self._orchestrators.get(name.lower())

    def find_activity(self, name: str) -> tuple[str, Callable[..., Any]] | None:
        """The name as registered, and the function; case is ignored."""
        return self._activities.get(name.lower())

    def orchestrator_names(self) -> list[str]:
        """In the order of registration."""
        return [name for name, _ in self._orchestrators.values()]

    def activity_names(self) -> list[str]:
        """In the order of registration."""
        return [name for name, _ in self._activities.values()]

    def _decorate(self, name: Any, what: str, functions: dict[str, tuple[str, Callable[..., Any]]]) -> Any:
        if callable(name):
            return _add(functions, what, pascal_case(name.__name__), name)
        if name is not None and (not isinstance(name, str) or not name):
            raise TypeError(f"@dacapo.{what}({name!r}): the name must be a text that is not empty")
        return lambda function: _add(functions, what, name or pascal_case(function.__name__), function)


def _add(functions: dict[str, tuple[str, Callable[..., Any]]], what: str, name: str, function: F) -> F:
    _check(what, name, function)
    before = functions.get(name.lower())
    if before is not None:
        raise DuplicateNameError(
            f"two functions are called {what} {name!r} (case is ignored): {_place(before[1])} and {_place(function)}; "
            f'name one of them with @dacapo.{what}("AnotherName")'
        )
    functions[name.lower()] = (name, function)
    mark(function, name)
    return function


def _check(what: str, name: str, function: Callable[..., Any]) -> None:
    if inspect.isasyncgenfunction(function):
        raise TypeError(
            f"{what} {name} is an `async def` that yields ({_place(function)}); use `await`, or plain `def`"
        )
    if what == "activity" and inspect.isgeneratorfunction(function):
        raise TypeError(
            f"activity {name} yields ({_place(function)}); an activity has nothing to wait for: return a value"
        )


def _place(function: Callable[..., Any]) -> str:
    code = getattr(function, "__code__", None)
    line = f" (line {code.co_firstlineno})" if code is not None else ""
    return f"{function.__module__}.{getattr(function, '__qualname__', function)}{line}"


# What the decorators of the package fill, and a build exports.
DEFAULT = Registry()
