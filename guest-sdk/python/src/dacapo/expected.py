"""Which JSON values a Python type takes: just enough to see that a value was encoded twice, or is the wrong one."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Callable
from typing import Any

_NAMES = {str: "a string", bool: "a boolean", int: "a whole number", float: "a number", type(None): "null"}


@dataclasses.dataclass(frozen=True)
class Expected:
    """What a reader asks for. Of arrays and objects only the outside is checked."""

    name: str
    fits: Callable[[Any], bool]
    # `null` and nothing at all fit, and a string does not.
    takes_nothing: bool = False
    # Makes the value that the reader gets.
    convert: Callable[[Any], Any] = lambda value: value


ANYTHING = Expected("any value", lambda value: True)


def expected(hint: Any) -> Expected:
    """What an annotation asks for. Types that this module does not know take any value, as it is sent."""
    origin = typing.get_origin(hint) or hint
    if origin in (typing.Union, types.UnionType):
        return _one_of([expected(part) for part in typing.get_args(hint)])
    if origin is type(None) or origin is None:
        return Expected("null", lambda value: value is None, takes_nothing=True)
    if origin in (str, bool):
        return Expected(_NAMES[origin], lambda value: isinstance(value, origin))
    if origin is int:
        return Expected(_NAMES[int], _is_whole)
    if origin is float:
        return Expected(_NAMES[float], lambda value: _is_whole(value) or isinstance(value, float))
    if origin in (list, tuple):
        return Expected("an array", lambda value: isinstance(value, list), convert=origin)
    if origin is dict or typing.is_typeddict(origin):
        return Expected("an object", lambda value: isinstance(value, dict))
    if dataclasses.is_dataclass(origin) and isinstance(origin, type):
        return _data_class(origin)
    return ANYTHING


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _one_of(parts: list[Expected]) -> Expected:
    def convert(value: Any) -> Any:
        return next(part.convert(value) for part in parts if part.fits(value))

    nothing = any(part.takes_nothing for part in parts) and not any(
        part.fits("") for part in parts if part is not ANYTHING
    )
    names = " or ".join(part.name for part in parts)
    return Expected(names, lambda value: any(part.fits(value) for part in parts), nothing, convert)


def _data_class(cls: type) -> Expected:
    fields = {field.name: field for field in dataclasses.fields(cls) if field.init}
    missing = dataclasses.MISSING
    needed = {name for name, field in fields.items() if field.default is missing and field.default_factory is missing}

    def fits(value: Any) -> bool:
        return isinstance(value, dict) and needed <= value.keys()

    def convert(value: dict[str, Any]) -> Any:
        # What the class does not know is left out: a newer caller may send more.
        return cls(**{name: item for name, item in value.items() if name in fields})

    wants = f"an object with {', '.join(sorted(needed))}" if needed else "an object"
    return Expected(f"{wants} ({cls.__name__})", fits, convert=convert)
