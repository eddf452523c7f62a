"""Keeps orchestrators from what would block, or would differ on replay: sleeps, files, sockets, threads, processes."""

from __future__ import annotations

import linecache
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .errors import BlockingCallError

_USE_ACTIVITY = "let an activity do it: yield context.call_activity(...)"

# Python's own audit events, and what to use instead. They come whatever name a function was imported by.
_BLOCKING = {
    "time.sleep": ("time.sleep", "use a durable timer: yield context.create_timer(timedelta(...))"),
    "open": ("open", _USE_ACTIVITY),
    "os.listdir": ("os.listdir", _USE_ACTIVITY),
    "os.scandir": ("os.scandir", _USE_ACTIVITY),
    "os.remove": ("os.remove", _USE_ACTIVITY),
    "os.system": ("os.system", _USE_ACTIVITY),
    "subprocess.Popen": ("subprocess", _USE_ACTIVITY),
    "socket.__new__": ("a socket", "use context.call_http(...), or " + _USE_ACTIVITY),
    "socket.getaddrinfo": ("a host name", "use context.call_http(...), or " + _USE_ACTIVITY),
    "urllib.Request": ("urllib", "use context.call_http(...), or " + _USE_ACTIVITY),
    "_thread.start_joinable_thread": ("a thread", "start several tasks, and yield context.task_all([...])"),
    "_thread.start_new_thread": ("a thread", "start several tasks, and yield context.task_all([...])"),
    "builtins.input": ("input", "wait for somebody: yield context.wait_for_external_event(...)"),
}

# As its code calls itself; within a module that is another place than `os.__file__`.
_LIBRARY = os.path.dirname(linecache.getline.__code__.co_filename)
_HERE = os.path.dirname(__file__)

# The orchestrator that runs right now. There is one thread; a flow inside a flow (in tests) puts back the outer one.
_running: list[str] = []
_installed = False


@contextmanager
def no_blocking(orchestrator: str) -> Iterator[None]:
    """While it lasts, blocking calls raise BlockingCallError."""
    global _installed
    if not _installed:
        if sys.version_info < (3, 13):
            _announce_sleep()
        # There is no way to take a hook away again; it costs a look at an empty list.
        sys.addaudithook(_audit)
        _installed = True
    _running.append(orchestrator)
    try:
        yield
    finally:
        _running.pop()


@contextmanager
def allowed() -> Iterator[None]:
    """Lifts the guard: for activities that the test kit runs."""
    paused = _running.copy()
    _running.clear()
    try:
        yield
    finally:
        _running[:] = paused


def is_own(file: str) -> bool:
    """Whether a source file is the module's own: neither Python's nor the SDK's."""
    return not file.startswith((_LIBRARY, _HERE, "<"))


def _announce_sleep() -> None:
    """Older Pythons have no event for it."""
    sleep = time.sleep

    def audited(seconds: float) -> None:
        sys.audit("time.sleep", seconds)
        sleep(seconds)

    time.sleep = audited  # type: ignore[assignment]


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if not _running:
        return
    found = _BLOCKING.get(event)
    if found is None:
        return
    where = _where()
    if where is not None:
        what, instead = found
        raise BlockingCallError(
            f"orchestrator {_running[-1]} uses {what} at {where}, which cannot be replayed; {instead}"
        )


def _where() -> str | None:
    """The line of the module's own code that led here; None for imports and stacks, which may open files."""
    frame = sys._getframe(2)
    place = "?"
    while frame is not None:
        file = frame.f_code.co_filename
        if file.startswith("<frozen importlib") or file == linecache.__file__:
            return None
        if place == "?" and is_own(file):
            place = f"{file.rpartition('/')[2]} line {frame.f_lineno}"
        frame = frame.f_back  # type: ignore[assignment]
    return place
