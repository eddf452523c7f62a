"""Several tasks as one: all of them, or whichever is done first."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from .errors import NotATaskError
from .task import Task

if TYPE_CHECKING:
    from .flow import Flow


class Combined(Task[Any]):
    """Hears of each of its tasks once, so that no wait looks at all of them."""

    def __init__(self, flow: Flow, what: str, tasks: Iterable[Task[Any]]) -> None:
        super().__init__(flow, what)
        self._tasks = list(tasks)
        for index, task in enumerate(self._tasks):
            if not isinstance(task, Task):
                shown = f"{type(task).__name__} ({task!r:.60})"
                raise NotATaskError(
                    f"{what}: item {index} is a {shown}, not a task; give it what the context's calls return"
                )

    def _listen(self) -> None:
        # The same task twice is one.
        tasks = dict.fromkeys(self._tasks)
        self._left = len(tasks)
        for task in sorted(tasks, key=lambda task: task._done_as or math.inf):
            if self.is_completed:
                return
            if task.is_completed:
                self._child_done(task)
                continue
            task._listeners[self] = None
            if task._dead:
                self._child_dead()

    def _child_done(self, task: Task[Any]) -> None:
        raise NotImplementedError

    def _child_dead(self) -> None:
        raise NotImplementedError

    def _finish(self, result: Any, error: Exception | None) -> None:
        super()._finish(result, error)
        # Otherwise the losers would hold this one, and it them.
        for task in self._tasks:
            task._listeners.pop(self, None)

    def cancel(self) -> None:
        """Cancels each of them that is not done."""
        if not self.is_completed:
            self._cancelled = True
            self._die()
            for task in self._tasks:
                task.cancel()


class AllTask(Combined):
    """Done when all are, with their results in order; or when the first of them fails, with its error."""

    def __init__(self, flow: Flow, tasks: Iterable[Task[Any]]) -> None:
        super().__init__(flow, "task_all", tasks)
        if not self._tasks:
            self._finish([], None)
        self._listen()

    def _child_done(self, task: Task[Any]) -> None:
        self._left -= 1
        if task.exception is not None:
            self._finish(None, task.exception)
        elif self._left == 0:
            self._finish([task.result for task in self._tasks], None)

    def _child_dead(self) -> None:
        self._die()


class AnyTask(Combined):
    """Done when the first of them is, well or not; its result is that task."""

    def __init__(self, flow: Flow, tasks: Iterable[Task[Any]]) -> None:
        super().__init__(flow, "task_any", tasks)
        if not self._tasks:
            raise ValueError("task_any of no tasks would wait for ever; give it at least one")
        self._listen()

    def _child_done(self, task: Task[Any]) -> None:
        self._finish(task, None)

    def _child_dead(self) -> None:
        self._left -= 1
        if self._left == 0:
            self._die()
