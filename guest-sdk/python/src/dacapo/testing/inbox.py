"""Events of an instance: by name, ignoring case; first come, first served, on both sides."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable

Taker = Callable[[str], None]


class Inbox:
    """Either events wait for somebody, or somebody for events; never both, of one name."""

    def __init__(self) -> None:
        self._events: defaultdict[str, deque[str]] = defaultdict(deque)
        self._takers: defaultdict[str, deque[Taker]] = defaultdict(deque)

    def wait(self, name: str, take: Taker, on_cancel: list[Callable[[], None]]) -> None:
        """The next event of that name goes to `take`; what is added to `on_cancel` takes the wish back."""
        events, takers = self._events[name.lower()], self._takers[name.lower()]
        if events:
            take(events.popleft())
            return
        takers.append(take)
        on_cancel.append(lambda: takers.remove(take) if take in takers else None)

    def deliver(self, name: str, data: str) -> None:
        """An event has come."""
        takers = self._takers[name.lower()]
        if takers:
            takers.popleft()(data)
        else:
            self._events[name.lower()].append(data)
