"""From an exception to the failure that the host records."""

from __future__ import annotations

import json
import os
import traceback
from dataclasses import dataclass
from typing import Any

from .errors import NotJsonError
from .values import encode

# A history keeps every failure: of a stack that is longer, the end says most.
_STACK_CHARS = 16_000

_HERE = os.path.dirname(__file__)


@dataclass(frozen=True)
class Failure:
    """Why something did not succeed. `details` is JSON text."""

    kind: str
    message: str
    details: str | None = None

    @staticmethod
    def of(error: BaseException) -> Failure:
        """The kind is the error's `kind`, or the name of its class; the details have the stack, and the error's own."""
        kind = getattr(error, "kind", None)
        if not isinstance(kind, str) or not kind:
            kind = type(error).__name__
        details: dict[str, Any] = {"stack": _stack(error)[-_STACK_CHARS:]}
        own = getattr(error, "details", None)
        if own is not None:
            details["details"] = _json_or_text(own)
        return Failure(clean(kind), clean(_message(error)), encode(clean(details), "details", "a failure"))

    def parsed_details(self) -> Any:
        """The details as a value; text that is not JSON stays text."""
        if self.details is None:
            return None
        try:
            return json.loads(self.details)
        except ValueError:
            return self.details


def _stack(error: BaseException) -> str:
    """It begins with the module's own code: how the SDK came to call it is of no interest."""
    begin = error.__traceback__
    while begin is not None and begin.tb_frame.f_code.co_filename.startswith(_HERE):
        begin = begin.tb_next
    return "".join(traceback.format_exception(type(error), error, begin or error.__traceback__))


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as broken:
        return f"(its text cannot be shown: {type(broken).__name__})"


def _json_or_text(value: Any) -> Any:
    try:
        return json.loads(encode(value, "details", "an error"))
    except NotJsonError:
        return repr(value)


def clean(value: Any) -> Any:
    """The same without lone surrogates: an error must never be lost because its own text cannot be sent."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, dict):
        return {key: clean(item) for key, item in value.items()}
    return value
