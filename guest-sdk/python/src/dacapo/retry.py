"""How often, and how long apart, something that fails is tried again."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

# Whole numbers up to here are exact in every guest language.
_MAX_MS = 2**53 - 1
_MAX_ATTEMPTS = 2**32 - 1


@dataclass
class RetryOptions:
    """Durable retries: each wait is a timer in the history.

    first_retry_interval_in_milliseconds: the wait before the second attempt.
    max_number_of_attempts: attempts in all, the first one included; at least 1.
    backoff_coefficient: the factor from one wait to the next; at least 1.0.
    max_retry_interval_in_milliseconds: the longest wait; None for no bound.
    retry_timeout_in_milliseconds: no attempt starts later than this after the first one; None for no bound.
    unless_kinds: failures of these kinds are final at once.
    Raises ValueError for a number that is out of range.
    """

    first_retry_interval_in_milliseconds: int
    max_number_of_attempts: int
    backoff_coefficient: float = 1.0
    max_retry_interval_in_milliseconds: int | None = None
    retry_timeout_in_milliseconds: int | None = None
    unless_kinds: Sequence[str] = ()

    def __post_init__(self) -> None:
        self.check()

    def check(self) -> None:
        """Raises ValueError for a number that is out of range; the fields can be changed after the start."""
        self._whole("first_retry_interval_in_milliseconds", 0, _MAX_MS)
        self._whole("max_number_of_attempts", 1, _MAX_ATTEMPTS)
        for name in ("max_retry_interval_in_milliseconds", "retry_timeout_in_milliseconds"):
            if getattr(self, name) is not None:
                self._whole(name, 0, _MAX_MS)
        if not (math.isfinite(self.backoff_coefficient) and self.backoff_coefficient >= 1):
            raise ValueError(
                f"RetryOptions.backoff_coefficient is {self.backoff_coefficient!r}; it must be at least 1.0"
            )
        if isinstance(self.unless_kinds, str):
            raise ValueError(f"RetryOptions.unless_kinds is a string; use a list: [{self.unless_kinds!r}]")

    def _whole(self, name: str, least: int, most: int) -> None:
        value = getattr(self, name)
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise ValueError(f"RetryOptions.{name} is {value!r}; it must be a whole number from {least} to {most}")
