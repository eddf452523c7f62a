"""Something in flight, as orchestrators see it."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Generic, TypeVar

from .errors import TaskFailedError
from .failure import Failure

if TYPE_CHECKING:
    from .combined import Combined
    from .flow import Flow
    from .host import Handle

T = TypeVar("T")


class Task(Generic[T]):
    """An activity, an event, a timer, a child orchestration, or a combination of them.

    The call that returned it has issued its command already: `yield task` (or `await task`) only waits. It gives the
    result, or raises TaskFailedError. A task can be waited for again; it gives the same.
    """

    def __init__(self, flow: Flow, what: str) -> None:
        self._flow = flow
        # Names it in messages, such as "activity SayHello".
        self._what = what
        # The how-manieth to be done in this flow; None while it is not.
        self._done_as: int | None = None
        self._result: T | None = None
        self._error: Exception | None = None
        self._cancelled = False
        # Whether it can never be done.
        self._dead = False
        # A dict, since a task may be a part of very many, and each leaves.
        self._listeners: dict[Combined, None] = {}

    @property
    def is_completed(self) -> bool:
        """Whether it is done, well or not. It changes only while the orchestrator waits for something."""
        return self._done_as is not None

    @property
    def is_faulted(self) -> bool:
        """Whether it is done, and has failed."""
        return self._error is not None

    @property
    def is_cancelled(self) -> bool:
        """Whether it was cancelled before it was done."""
        return self._cancelled

    @property
    def result(self) -> T | None:
        """What it gave; None while it is not done. Raises TaskFailedError if it has failed."""
        if self._error is not None:
            raise self._error
        return self._result

    @property
    def exception(self) -> Exception | None:
        """What it has failed with, if it has."""
        return self._error

    def cancel(self) -> None:
        """Stops waiting: a timer is disarmed, an event stays for the next wait, an activity's result is ignored.

        A task that is done stays as it is.
        """
        raise NotImplementedError

    def _finish(self, result: T | None, error: Exception | None) -> None:
        if self.is_completed or self._cancelled:
            return
        self._result, self._error = result, error
        self._done_as = self._flow.next_done()
        listeners, self._listeners = self._listeners, {}
        for listener in listeners:
            listener._child_done(self)

    def _die(self) -> None:
        if not self._dead:
            self._dead = True
            for listener in self._listeners:
                listener._child_dead()

    def __await__(self) -> Generator[Task[T], T, T]:
        return (yield self)

    def __iter__(self) -> Generator[Task[T], T, T]:
        """So that `yield from task` works as well as `yield task`."""
        return (yield self)

    def __repr__(self) -> str:
        state = "cancelled" if self._cancelled else "failed" if self.is_faulted else "done"
        return f"<{self._what}: {state if self._cancelled or self.is_completed else 'in flight'}>"


class HostTask(Task[T]):
    """One command of the host. The flow keeps its handle while it is in flight."""

    def __init__(self, flow: Flow, what: str, handle: Handle, read: Callable[[str], T]) -> None:
        super().__init__(flow, what)
        self._read = read
        self._number = flow.add(self, handle)

    def cancel(self) -> None:
        if not self.is_completed and not self._cancelled:
            self._cancelled = True
            self._die()
            self._flow.host.cancel(self._flow.remove(self._number))

    def settle(self, outcome: str | Failure) -> None:
        """The host has said that it is done."""
        if isinstance(outcome, Failure):
            self._finish(None, TaskFailedError(outcome.kind, outcome.message, outcome.parsed_details()))
            return
        try:
            self._finish(self._read(outcome), None)
        except Exception as error:
            # A class of the flow's own may refuse what it is made of: that is for the flow, where it looks at the result.
            self._finish(None, error)

    def __del__(self) -> None:
        # What the orchestrator has let go of is not waited for any more; it goes on all the same.
        if hasattr(self, "_number"):
            self._flow.remove(self._number)


class TimerTask(HostTask[None]):
    """A durable timer. Cancel it when it is not needed any more."""
