"""Finds the part of a value that JSON cannot express, and says what to use instead."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from typing import Any

# By the name of the class, so that none of them has to be imported.
_INSTEAD = {
    "datetime": "use value.isoformat()",
    "date": "use value.isoformat()",
    "time": "use value.isoformat()",
    "timedelta": "use value.total_seconds()",
    "Decimal": "use str(value)",
    "UUID": "use str(value)",
    "set": "use sorted(value)",
    "frozenset": "use sorted(value)",
    "bytes": "use base64.b64encode(value).decode()",
    "bytearray": "use base64.b64encode(value).decode()",
    "complex": "use [value.real, value.imag]",
    "generator": "use list(value), or `yield from` if it is a part of the orchestrator",
    "coroutine": "await it first",
    "Task": "yield it first, and use its result",
}
_SIMPLE = (str, int, float, bool, type(None))

Fault = tuple[str, str, str]


def find_fault(value: Any, root: str, error: Exception) -> Fault:
    """The path to the part, what it is, and what to use instead. `error` is what the writer of JSON has raised."""
    if isinstance(error, RecursionError):
        return root, "nested too deeply", "use a flatter value"
    return _search(value, root, ()) or (
        root,
        f"not writable ({error})",
        "use strings, numbers, booleans, lists and dicts",
    )


def _search(value: Any, path: str, above: tuple[int, ...]) -> Fault | None:
    if id(value) in above:
        return path, "a part of itself", "use a value without cycles"
    if isinstance(value, _SIMPLE):
        return _simple(value, path)
    for key, item in _items(value):
        if isinstance(value, dict) and not isinstance(key, _SIMPLE):
            return path, f"a dict with a {type(key).__name__} as a key ({_shown(key)})", "use strings as keys"
        found = _simple(key, f"a key of {path}") if isinstance(key, str) else None
        found = found or _search(item, _step(value, path, key), (*above, id(value)))
        if found:
            return found
    if isinstance(value, (dict, list, tuple)) or _is_data(value):
        return None
    return path, f"a {type(value).__name__} ({_shown(value)})", _instead(value)


def _simple(value: Any, path: str) -> Fault | None:
    if isinstance(value, float) and not math.isfinite(value):
        return path, f"the number {value}", "use None, or a string"
    if isinstance(value, str) and not _is_utf8(value):
        return path, f"text with half a character ({_shown(value)})", "use value.encode('utf-8', 'replace').decode()"
    return None


def _items(value: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(value, dict):
        yield from value.items()
    elif isinstance(value, (list, tuple)):
        yield from enumerate(value)
    elif _is_data(value):
        yield from ((field.name, getattr(value, field.name)) for field in dataclasses.fields(value))


def _step(parent: Any, path: str, key: Any) -> str:
    if isinstance(parent, (list, tuple)):
        return f"{path}[{key}]"
    return f"{path}.{key}" if isinstance(key, str) and key.isidentifier() else f"{path}[{key!r}]"


def _is_data(value: Any) -> bool:
    return dataclasses.is_dataclass(value) and not isinstance(value, type)


def _is_utf8(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _instead(value: Any) -> str:
    for cls in type(value).__mro__:
        if cls.__name__ in _INSTEAD:
            return _INSTEAD[cls.__name__]
        if cls.__name__ == "Enum":
            return "use value.value"
    return "use a dict of its fields, or a dataclass"


def _shown(value: Any) -> str:
    try:
        text = ascii(value)
    except Exception:
        return "?"
    return text if len(text) <= 60 else f"{text[:60]}…"
