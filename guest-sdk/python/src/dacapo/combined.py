"""Several tasks as one: all of them, or whichever is done first."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from .errors import NotATaskError
from .task import Task

if TYPE_CHECKING:
    from .flow import Flow


class _Combined(Task[Any]):
    def __init__(self, flow: Flow, what: str, tasks: Iterable[Task[Any]]) -> None:
        super().__init__(flow, what)
        self._tasks = list(tasks)
        for index, task in enumerate(self._tasks):
            if not isinstance(task, Task):
                shown = f"{type(task).__name__} ({task!r:.60})"
                raise NotATaskError(
                    f"{what}: item {index} is a {shown}, not a task; give it what the context's calls return"
                )

    def _watch(self) -> None:
        done = [task for task in self._tasks if task.is_completed]
        for task in sorted(done, key=lambda task: task._done_as or 0):
            self._child_done(task)
        for task in self._tasks:
            if not task.is_completed and not self.is_completed:
                task._when_done(self._child_done)

    def _child_done(self, task: Task[Any]) -> None:
        raise NotImplementedError

    def _finish(self, result: Any, error: Exception | None) -> None:
        super()._finish(result, error)
        # Otherwise the losers would hold this one, and it them.
        for task in self._tasks:
            task._forget(self._child_done)

    def cancel(self) -> None:
        """Cancels each of them that is not done."""
        if not self.is_completed:
            self._cancelled = True
            for task in self._tasks:
                task.cancel()


class AllTask(_Combined):
    """Done when all are, with their results in order; or when the first of them fails, with its error."""

    def __init__(self, flow: Flow, tasks: Iterable[Task[Any]]) -> None:
        super().__init__(flow, "task_all", tasks)
        self._missing = len(self._tasks)
        if not self._tasks:
            self._finish([], None)
        self._watch()

    def _child_done(self, task: Task[Any]) -> None:
        self._missing -= 1
        if task.exception is not None:
            self._finish(None, task.exception)
        elif self._missing == 0:
            self._finish([task.result for task in self._tasks], None)

    def _is_dead(self) -> bool:
        return self._cancelled or any(task._is_dead() for task in self._tasks)


class AnyTask(_Combined):
    """Done when the first of them is, well or not; its result is that task."""

    def __init__(self, flow: Flow, tasks: Iterable[Task[Any]]) -> None:
        super().__init__(flow, "task_any", tasks)
        if not self._tasks:
            raise ValueError("task_any of no tasks would wait for ever; give it at least one")
        self._watch()

    def _child_done(self, task: Task[Any]) -> None:
        self._finish(task, None)

    def _is_dead(self) -> bool:
        return self._cancelled or all(task._is_dead() for task in self._tasks)
