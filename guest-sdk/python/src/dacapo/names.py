"""What functions are called by their callers."""

from __future__ import annotations

from typing import Any

_ATTRIBUTE = "__dacapo_name__"


def pascal_case(name: str) -> str:
    """`say_hello` becomes `SayHello`; what is in Pascal case already stays."""
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))


def mark(function: Any, name: str) -> None:
    """Remembers the name that a function is registered under."""
    setattr(function, _ATTRIBUTE, name)


def marked_name(function: Any) -> str | None:
    """The name that a function is registered under, if it is."""
    return getattr(function, _ATTRIBUTE, None)


def name_of(name: Any, what: str) -> str:
    """The name itself, or that of a registered function. Raises TypeError for anything else."""
    if isinstance(name, str) and name:
        return text_of(name, f"the name of an {what}")
    marked = marked_name(name) if callable(name) else None
    if marked is not None:
        return marked
    raise TypeError(f"the name of an {what} is {name!r}; use its name, or a function marked with @dacapo.{what}")


def text_of(value: Any, what: str) -> str:
    """The text itself, if it can be sent as it is. Raises TypeError for anything else."""
    if not isinstance(value, str) or not value:
        raise TypeError(f"{what} is {value!r}; it must be a text that is not empty")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise TypeError(f"{what} is {ascii(value)}, a text with half a character in it") from None
    return value
