"""Write durable orchestrators and activities for Dacapo, in plain Python.

    import dacapo

    @dacapo.orchestrator
    def hello_cities(context):
        greeting = yield context.call_activity("SayHello", "Tokyo")
        context.set_custom_status("Tokyo")
        return [greeting]

    @dacapo.activity
    def say_hello(name: str) -> str:
        return f"Hello {name}!"

An orchestrator is played again from the beginning whenever the server has to, with the recorded outcomes, so it must
ask for the same things in the same order each time. Take time and ids from the context, leave side effects to
activities, and wait for nothing but what the context returns. `python -m dacapo build MODULE` makes the file to deploy;
`dacapo.testing` plays orchestrators natively.
"""

from collections.abc import Generator
from typing import Any, TypeAlias

from .activity import ActivityContext
from .context import OrchestrationContext
from .errors import (
    BlockingCallError,
    DecodeError,
    DuplicateNameError,
    Error,
    NotATaskError,
    NotJsonError,
    TaskFailedError,
)
from .registry import DEFAULT as _DEFAULT
from .registry import Registry
from .retry import RetryOptions
from .task import Task, TimerTask

Orchestration: TypeAlias = Generator[Task[Any], Any, Any]
"""What an orchestrator with `yield` returns, for type checkers."""

orchestrator = _DEFAULT.orchestrator
activity = _DEFAULT.activity

__all__ = [
    "ActivityContext",
    "BlockingCallError",
    "DecodeError",
    "DuplicateNameError",
    "Error",
    "NotATaskError",
    "NotJsonError",
    "Orchestration",
    "OrchestrationContext",
    "Registry",
    "RetryOptions",
    "Task",
    "TaskFailedError",
    "TimerTask",
    "activity",
    "orchestrator",
]
