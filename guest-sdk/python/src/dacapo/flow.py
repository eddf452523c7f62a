"""One play of an orchestrator: runs its function from wait to wait, and knows what is in flight."""

from __future__ import annotations

import inspect
import itertools
import types
import weakref
from collections.abc import Callable, Collection, Generator
from typing import TYPE_CHECKING, Any

from .errors import NotATaskError
from .guard import is_own, no_blocking
from .host import Handle, Host
from .task import HostTask, Task

if TYPE_CHECKING:
    from .context import OrchestrationContext

# What a flow waits for, and the key of what was done.
Steps = Generator[Collection[Handle], int, Any]

_USE = "yield (or await) what the context's calls return, such as context.call_activity(...)"


class Flow:
    """Shared by the context and its tasks."""

    def __init__(self, name: str, host: Host) -> None:
        self.name = name
        self.host = host
        self._numbers = itertools.count()
        self._done = itertools.count(1)
        # What is in flight, in the order of the calls. The number of each is the key that the host watches it by.
        self._handles: dict[int, Handle] = {}
        self._tasks: dict[int, weakref.ref[HostTask[Any]]] = {}
        self._unwatched: list[int] = []

    def add(self, task: HostTask[Any], handle: Handle) -> int:
        """A command has been issued; its number."""
        number = next(self._numbers)
        self._handles[number] = handle
        self._tasks[number] = weakref.ref(task)
        self._unwatched.append(number)
        return number

    def remove(self, number: int) -> Handle:
        """That one is not waited for any more; its handle, if it was."""
        self._tasks.pop(number, None)
        return self._handles.pop(number, None)

    def next_done(self) -> int:
        """Counts tasks as they are done."""
        return next(self._done)

    def steps(self, function: Callable[[OrchestrationContext], Any], context: OrchestrationContext) -> Steps:
        """Runs the function to its end, and returns what it returns. Yields wherever it has to wait.

        Every exception of the function comes through.
        """
        with no_blocking(self.name):
            body = function(context)
        if not isinstance(body, (types.GeneratorType, types.CoroutineType)):
            if isinstance(body, Task) or inspect.isasyncgen(body):
                raise NotATaskError(_returned(self.name, body))
            return body
        result: Any = None
        error: Exception | None = None
        while True:
            try:
                with no_blocking(self.name):
                    waited_for = body.send(result) if error is None else body.throw(error)
            except StopIteration as end:
                return end.value
            # A mistake is thrown where it is, so that the stack shows the line.
            result, error = None, self._fault(waited_for, body)
            if error is None:
                yield from self._wait(waited_for)
                error = waited_for.exception
                result = waited_for.result if error is None else None

    def _wait(self, task: Task[Any]) -> Generator[Collection[Handle], int, None]:
        while not task.is_completed:
            self._watch()
            number = yield self._handles.values()
            found = self._tasks.get(number)
            done = found() if found is not None else None
            # The orchestrator may have let go of what is still watched.
            if done is not None:
                done.settle(self.host.outcome(self.remove(number)))

    def _watch(self) -> None:
        """Hands to the host what was issued since the last wait, and is still in flight."""
        numbers, self._unwatched = self._unwatched, []
        for number in numbers:
            if number in self._handles:
                self.host.watch(self._handles[number], number)

    def _fault(self, waited_for: Any, body: Any) -> Exception | None:
        where = f"orchestrator {self.name}, {_line(body)}"
        if not isinstance(waited_for, Task):
            return NotATaskError(f"{where}: this waits for a {_described(waited_for)}")
        if waited_for._flow is not self:
            return NotATaskError(f"{where}: this waits for a task of another instance ({waited_for!r}); {_USE}")
        if not waited_for.is_completed and waited_for._dead:
            return NotATaskError(
                f"{where}: this would wait for ever, since {waited_for!r} was cancelled, or a part of it"
            )
        return None


def _described(value: Any) -> str:
    kind = type(value).__name__
    if isinstance(value, types.GeneratorType):
        return f"generator ({value.__name__}); use `yield from {value.__name__}(...)`"
    if isinstance(value, types.CoroutineType):
        return f"coroutine ({value.__name__}); use `await {value.__name__}(...)` in an `async def` orchestrator"
    if isinstance(value, (list, tuple)) and any(isinstance(item, Task) for item in value):
        return f"{kind} of tasks; use context.task_all([...]) or context.task_any([...])"
    if hasattr(value, "get_loop") or value is None:
        return f"{kind}, as asyncio gives it; there is no event loop here: {_USE}"
    shown = repr(value)
    return f"{kind} ({shown if len(shown) <= 60 else shown[:60] + '…'}), which is not a task; {_USE}"


def _returned(name: str, body: Any) -> str:
    if isinstance(body, Task):
        return f"orchestrator {name} has returned a task ({body!r}); yield it, and return its result"
    return f"orchestrator {name} is an `async def` that yields; use `await`, or plain `def`"


def _line(body: Any) -> str:
    """Where the innermost generator or coroutine of the module stands, as `cities.py line 7`."""
    line = "at its end"
    while body is not None:
        frame = getattr(body, "gi_frame", None) or getattr(body, "cr_frame", None)
        if frame is not None and is_own(frame.f_code.co_filename):
            line = f"{frame.f_code.co_filename.rpartition('/')[2]} line {frame.f_lineno}"
        body = getattr(body, "gi_yieldfrom", None) or getattr(body, "cr_await", None)
    return line
