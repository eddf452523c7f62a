"""What an activity may ask of its host."""

from __future__ import annotations

from typing import Any

from .failure import clean
from .host import ActivityHost, Level, checked_level
from .values import encode


class ActivityContext:
    """What an activity may know about the call. Name a parameter `context` to get it."""

    def __init__(self, name: str, host: ActivityHost) -> None:
        self._name = name
        self._host = host

    @property
    def instance_id(self) -> str:
        """The instance that called."""
        return self._host.instance_id()

    @property
    def idempotency_key(self) -> str:
        """The same for every attempt and every re-run of this call; different for any other call."""
        return self._host.idempotency_key()

    @property
    def attempt(self) -> int:
        """1 for the first attempt."""
        return self._host.attempt()

    def report_progress(self, value: Any) -> None:
        """Shown in the instance's status while the activity runs; not durable."""
        self._host.report_progress(encode(value, "progress", f"activity {self._name}"))

    def log(self, message: object, level: Level = "info") -> None:
        """A line in the host's log. level: debug, info, warn, error."""
        self._host.log(checked_level(level), clean(str(message)))
