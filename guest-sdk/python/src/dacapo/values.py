"""JSON in and out: compact, forgiving about one level of quotes, and clear about what did not fit."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from .errors import DecodeError, NotJsonError
from .expected import ANYTHING, Expected
from .not_json import find_fault

_SHOWN_CHARS = 80


def encode(value: Any, root: str, owner: str) -> str:
    """Compact JSON text of `value`, with letters as they are. Data classes are written as objects, tuples as arrays.

    root, owner: name the value in the error, as in `input.lines[2].qty of activity Charge`.
    Raises NotJsonError with the path to the part that JSON cannot express.
    """
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_as_object)
        text.encode("utf-8")
        return text
    except (TypeError, ValueError, RecursionError) as error:
        path, what, instead = find_fault(value, root, error)
    raise NotJsonError(f"{path} of {owner} is {what}, which JSON cannot express; {instead}")


def decode(text: str, what: str, expected: Expected = ANYTHING) -> Any:
    """The value of JSON text.

    Some clients encode twice, so that `1` arrives as `"1"`: where the text is a string and something else is expected,
    what is inside the quotes is read instead. Whoever expects a string, or anything, never sees this.
    what: names the value in the error, as in `the data of event Go`.
    Raises DecodeError when the value is not what is expected.
    """
    value = json.loads(text)
    if expected.fits(value):
        return expected.convert(value)
    if isinstance(value, str):
        inner = _unquoted(value)
        if expected.fits(inner):
            return expected.convert(inner)
    shown = text if len(text) <= _SHOWN_CHARS else f"{text[:_SHOWN_CHARS]}… ({len(text.encode())} bytes)"
    raise DecodeError(f"Unexpected value for {what}: expected {expected.name}, found {shown}")


def decode_input(text: str, what: str, expected: Expected = ANYTHING) -> Any:
    """The input of a function, where the JavaScript client's `""` means that none was given."""
    if text == '""' and expected.takes_nothing:
        return None
    return decode(text, what, expected)


_NOTHING = object()


def _unquoted(inner: str) -> Any:
    if not inner:
        return None
    try:
        return json.loads(inner)
    except ValueError:
        return _NOTHING


def _as_object(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    raise TypeError(type(value).__name__)
