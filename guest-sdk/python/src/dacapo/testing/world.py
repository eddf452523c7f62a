"""Where instances live: their clock, their timers, and the order in which things happen."""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from .script import Script, ScriptError

if TYPE_CHECKING:
    from .player import Player

# Far more than a test needs; a flow that never comes to rest would hang it otherwise.
_MOST_JOBS = 30_000

Job = Callable[[], None]


class World:
    """One test's instances. Nothing moves except in `settle` and `advance`."""

    def __init__(self, script: Script, now_ms: int) -> None:
        self.script = script
        self.now_ms = now_ms
        self.instances: dict[str, Player] = {}
        self._jobs: deque[Job] = deque()
        self._timers: list[tuple[int, int, Job]] = []
        self._gone: set[int] = set()
        self._numbers = itertools.count()

    def later(self, job: Job) -> None:
        """Does it after everything that is already to be done."""
        self._jobs.append(job)

    def at(self, due_ms: int, job: Job) -> Callable[[], None]:
        """Does it at that time; returns what disarms it."""
        number = next(self._numbers)
        heapq.heappush(self._timers, (due_ms, number, job))
        return lambda: self._gone.add(number)

    def settle(self) -> None:
        """Goes on until every instance is at rest, and sees that they would replay."""
        for _ in range(_MOST_JOBS):
            if not self._jobs:
                break
            self._jobs.popleft()()
        else:
            raise ScriptError(
                f"there is still no rest after {_MOST_JOBS} steps; does a flow go on for ever without waiting?"
            )
        for player in list(self.instances.values()):
            player.check_replay()

    def advance(self, to_ms: int) -> None:
        """Moves the clock; timers fire in their order, each at its own time."""
        while (due_ms := self.next_due_ms()) is not None and due_ms <= to_ms:
            self.now_ms = due_ms
            heapq.heappop(self._timers)[2]()
            self.settle()
        self.now_ms = to_ms

    def next_due_ms(self) -> int | None:
        """When the next timer fires, if there is one."""
        while self._timers and self._timers[0][1] in self._gone:
            heapq.heappop(self._timers)
        return self._timers[0][0] if self._timers else None
