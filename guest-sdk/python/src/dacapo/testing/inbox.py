"""Events of an instance: by name, ignoring case; first come, first served, on both sides."""

from __future__ import annotations

import heapq
import itertools
from collections import defaultdict, deque
from collections.abc import Callable

Taker = Callable[[str], None]
OnCancel = list[Callable[[], None]]
# The how-manieth to come, and its data.
Event = tuple[int, str]


class Inbox:
    """Either events wait for somebody, or somebody for events; never both, of one name."""

    def __init__(self) -> None:
        self._came = itertools.count()
        self._events: defaultdict[str, list[Event]] = defaultdict(list)
        self._takers: defaultdict[str, deque[tuple[Taker, OnCancel]]] = defaultdict(deque)

    def wait(self, name: str, take: Taker, on_cancel: OnCancel) -> None:
        """The next event of that name goes to `take`; `on_cancel` gets what takes back the wish, or the event."""
        takers, taker = self._takers[name.lower()], (take, on_cancel)
        takers.append(taker)
        on_cancel.append(lambda: takers.remove(taker) if taker in takers else None)
        self._hand_out(name.lower())

    def deliver(self, name: str, data: str) -> None:
        """An event has come."""
        self._put(name.lower(), (next(self._came), data))

    def _put(self, name: str, event: Event) -> None:
        heapq.heappush(self._events[name], event)
        self._hand_out(name)

    def _hand_out(self, name: str) -> None:
        events, takers = self._events[name], self._takers[name]
        if events and takers:
            event = heapq.heappop(events)
            take, on_cancel = takers.popleft()
            on_cancel.append(lambda: self._put(name, event))
            take(event[1])
