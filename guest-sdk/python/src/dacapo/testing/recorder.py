"""A host that writes down what a flow asks for."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any

from ..failure import Failure
from ..host import Level
from ..retry import RetryOptions
from ..values import decode

_NAMESPACE = uuid.UUID("5f1d6d3c-3b8e-4c5f-9d0b-6f6b6a2f8a11")


@dataclass(frozen=True)
class Command:
    """Something that a flow has asked for.

    kind: activity, orchestrator, event (a wait for one), timer, cancel, raise or continue.
    name: of the function or the event; of a cancelled command, its number.
    input: what was sent along.
    retry, timeout_ms, delay_ms, instance_id, detached, keep_events: where the kind has them.
    """

    kind: str
    name: str = ""
    input: Any = None
    retry: RetryOptions | None = None
    timeout_ms: int | None = None
    delay_ms: int | None = None
    instance_id: str | None = None
    detached: bool = False
    keep_events: bool | None = None

    def __str__(self) -> str:
        parts = [f"{self.kind} {self.name}".strip()]
        for name in ("input", "delay_ms", "instance_id", "timeout_ms", "retry"):
            if getattr(self, name) is not None:
                parts.append(f"{name}={getattr(self, name)!r}")
        return " ".join(parts)


@dataclass(eq=False)
class Pending:
    """The handle of a command."""

    number: int
    # What may have to be stopped: a timer of the world.
    on_cancel: list[Any] = field(default_factory=list)
    done: str | Failure | None = None
    # What the flow knows it by, once it is watched.
    key: int = -1


class Recorder:
    """Everything that has no effect outside; subclasses say what the commands do."""

    def __init__(self, instance_id: str, input_: str, execution: int) -> None:
        self.commands: list[Command] = []
        # What the flow waits for, by number.
        self.watched: dict[int, Pending] = {}
        self.now_ms = 0
        self._instance_id = instance_id
        self._input = input_
        self._execution = execution
        self._uuids = 0

    def issue(self, command: Command) -> Pending:
        """Writes a command down; its handle."""
        self.commands.append(command)
        return Pending(len(self.commands) - 1)

    def call_activity(self, name: str, input_: str, retry: RetryOptions | None, timeout_ms: int | None) -> Pending:
        return self.issue(Command("activity", name, decode(input_, name), retry, timeout_ms))

    def call_orchestrator(
        self, name: str, input_: str, instance_id: str | None, retry: RetryOptions | None, detached: bool
    ) -> Pending:
        command = Command("orchestrator", name, decode(input_, name), retry, instance_id=instance_id, detached=detached)
        return self.issue(command)

    def wait_for_event(self, name: str) -> Pending:
        return self.issue(Command("event", name))

    def start_timer(self, delay_ms: int) -> Pending:
        return self.issue(Command("timer", delay_ms=delay_ms))

    def raise_event(self, instance_id: str, name: str, data: str) -> None:
        self.issue(Command("raise", name, decode(data, name), instance_id=instance_id))

    def continue_as_new(self, input_: str, keep_events: bool) -> None:
        self.issue(Command("continue", input=decode(input_, "the next input"), keep_events=keep_events))

    def cancel(self, handle: Pending) -> None:
        self.issue(Command("cancel", str(handle.number)))
        self.watched.pop(handle.number, None)

    def watch(self, handle: Pending, key: int) -> None:
        handle.key = key
        self.watched[handle.number] = handle

    def outcome(self, handle: Pending) -> str | Failure:
        assert handle.done is not None, "an outcome is taken once it is there"
        return handle.done

    def set_custom_status(self, value: str) -> Failure | None:
        return None

    def log(self, level: Level, message: str) -> None:
        pass

    def get_input(self) -> str:
        return self._input

    def instance_id(self) -> str:
        return self._instance_id

    def current_time_ms(self) -> int:
        return self.now_ms

    def new_uuid(self) -> str:
        self._uuids += 1
        return str(uuid.uuid5(_NAMESPACE, f"{self._instance_id}/{self._execution}/{self._uuids}"))

    def is_replaying(self) -> bool:
        return True
