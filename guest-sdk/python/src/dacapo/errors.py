"""The errors of the SDK: what flows and activities fail with, and what they see of others' failures."""

from __future__ import annotations

from typing import Any


class Error(Exception):
    """A failure with a name that code can match on. Raise it to fail with a `kind` of your own.

    kind: a short stable name, such as `out-of-stock`.
    message: one sentence for people.
    details: anything more, as a JSON value.
    """

    def __init__(self, kind: str, message: str, details: Any = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.details = details


class TaskFailedError(Error):
    """An activity or a child orchestration has failed, with this `kind`, `message` and `details`."""


class NotJsonError(Error):
    """A value cannot be written as JSON. The message has the path to it."""

    def __init__(self, message: str) -> None:
        super().__init__("encode", message)


class DecodeError(Error):
    """A value that came in is not of the type that was asked for."""

    def __init__(self, message: str) -> None:
        super().__init__("decode", message)


class NotATaskError(Error):
    """An orchestrator has yielded or awaited something that is not a task of its context."""

    def __init__(self, message: str) -> None:
        super().__init__("not-a-task", message)


class BlockingCallError(Error):
    """An orchestrator has called something that blocks or leaves the sandbox: a sleep, a file, a socket, a thread."""

    def __init__(self, message: str) -> None:
        super().__init__("blocking-call", message)


class DuplicateNameError(ValueError):
    """Two functions have been registered under one name."""
