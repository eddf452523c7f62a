"""The seam to whoever plays a module: the real host in WebAssembly, the test kit natively."""

from __future__ import annotations

from typing import Any, Literal, Protocol, get_args

from .failure import Failure
from .retry import RetryOptions

Level = Literal["debug", "info", "warn", "error"]

_LEVELS = get_args(Level)


def checked_level(level: Level) -> Level:
    """The level itself. Raises ValueError when there is none of that name."""
    if level not in _LEVELS:
        raise ValueError(f"there is no log level {level!r}; use one of {', '.join(_LEVELS)}")
    return level


Handle = Any
"""Something in flight, as the host knows it."""


class Host(Protocol):
    """What an orchestrator may ask; values are JSON text, times are milliseconds since 1970 (UTC)."""

    def watch(self, handle: Handle, key: int) -> None:
        """From now on the flow waits for it too, and knows it by `key`."""

    def outcome(self, handle: Handle) -> str | Failure:
        """JSON text, or why not; once, and only of what was waited for and is done."""

    def cancel(self, handle: Handle) -> None:
        """Stop waiting for it."""

    def get_input(self) -> str: ...
    def call_activity(self, name: str, input_: str, retry: RetryOptions | None, timeout_ms: int | None) -> Handle: ...
    def call_orchestrator(
        self, name: str, input_: str, instance_id: str | None, retry: RetryOptions | None, detached: bool
    ) -> Handle: ...
    def wait_for_event(self, name: str) -> Handle: ...
    def start_timer(self, delay_ms: int) -> Handle: ...
    def set_custom_status(self, value: str) -> Failure | None: ...
    def raise_event(self, instance_id: str, name: str, data: str) -> None: ...
    def continue_as_new(self, input_: str, keep_events: bool) -> None: ...
    def instance_id(self) -> str: ...
    def current_time_ms(self) -> int: ...
    def new_uuid(self) -> str: ...
    def is_replaying(self) -> bool: ...
    def log(self, level: Level, message: str) -> None: ...


class ParkingHost(Host, Protocol):
    """A host that can wait by itself."""

    def await_next(self) -> int:
        """Parks until one of the watched ones is done; its key."""


class ActivityHost(Protocol):
    """What an activity may ask."""

    def instance_id(self) -> str: ...
    def idempotency_key(self) -> str: ...
    def attempt(self) -> int: ...
    def report_progress(self, value: str) -> None: ...
    def log(self, level: Level, message: str) -> None: ...
