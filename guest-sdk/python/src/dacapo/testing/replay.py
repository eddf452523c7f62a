"""Plays a flow again from its beginning, and compares what it asks for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..export import play
from ..failure import Failure
from .recorder import Command, Recorder


@dataclass(frozen=True)
class Resumption:
    """A wait that has ended: which command was done, with what, and when; how many waits came before is its place."""

    number: int
    outcome: str | Failure
    now_ms: int


class ReplayError(AssertionError):
    """A flow does something else when it is played again."""


def check(
    name: str,
    function: Callable[..., Any],
    again: Recorder,
    began_ms: int,
    before: list[Command],
    journal: list[Resumption],
) -> None:
    """Raises ReplayError unless the flow asks for the same things in the same order. `again` is a fresh host."""
    again.now_ms = began_ms
    steps = play(name, function, again)
    next(steps, None)
    for resumption in journal:
        pending = again.watched.pop(resumption.number, None)
        if pending is None:
            break
        pending.done = resumption.outcome
        again.now_ms = resumption.now_ms
        try:
            steps.send(pending.key)
        except StopIteration:
            break
    asked = again.commands.copy()
    steps.close()
    _compare(name, before, asked)


def _compare(name: str, before: list[Command], again: list[Command]) -> None:
    for number in range(max(len(before), len(again))):
        first = before[number] if number < len(before) else None
        second = again[number] if number < len(again) else None
        if first != second:
            raise ReplayError(
                f"orchestrator {name} does something else when it is played again: command {number} was "
                f"{_shown(first)}, and is now {_shown(second)}. Does it depend on a clock, randomness or a variable "
                "that is not its own? Take time and ids from the context, and leave the rest to activities."
            )


def _shown(command: Command | None) -> str:
    return "nothing" if command is None else f"`{command}`"
