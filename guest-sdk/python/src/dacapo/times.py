"""Times and durations, as the host counts them: whole milliseconds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)
# Whole numbers up to here are exact in every guest language.
_MAX_MS = 2**53 - 1


def from_ms(ms: int) -> datetime:
    """The time so many milliseconds after 1970, in UTC."""
    return _EPOCH + ms * _MS


def whole_ms(duration: timedelta) -> int:
    """Milliseconds, rounded up, since a wait never ends early; nothing is less than zero."""
    if not isinstance(duration, timedelta):
        raise TypeError(f"a time span is {duration!r}; use datetime.timedelta(seconds=...)")
    return min(max(0, -(-duration // _MS)), _MAX_MS)


def until(fire_at: datetime, now_ms: int) -> int:
    """Milliseconds from now to a time; without a time zone it is in UTC."""
    if not isinstance(fire_at, datetime):
        raise TypeError(
            f"create_timer got {fire_at!r}; use a timedelta, or context.current_utc_datetime + timedelta(seconds=...)"
        )
    if fire_at.tzinfo is None:
        fire_at = fire_at.replace(tzinfo=UTC)
    return whole_ms(fire_at - from_ms(now_ms))
