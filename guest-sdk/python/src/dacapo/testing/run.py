"""An instance that a test plays: what it has done, and what may happen to it next."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

from ..failure import Failure
from ..host import Level
from ..times import from_ms, whole_ms
from ..values import encode
from .player import Player
from .recorder import Command
from .script import ScriptError
from .world import World


class Run:
    """Methods that move it return it, so that they can be chained."""

    def __init__(self, world: World, player: Player) -> None:
        self._world = world
        self._player = player
        self._statuses_seen = 0

    # What it has done.

    @property
    def statuses(self) -> list[Any]:
        """Every custom status it has set, in order. (A server shows the last one of each turn.)"""
        return list(self._player.statuses)

    @property
    def status(self) -> Any:
        """The custom status; None before there is one."""
        return self._player.statuses[-1] if self._player.statuses else None

    @property
    def is_done(self) -> bool:
        """Whether it has ended."""
        return self._player.ended is not None

    @property
    def output(self) -> Any:
        """What it has returned. Raises AssertionError when it has not ended, or has failed."""
        outcome = self._player.ended
        if isinstance(outcome, Failure):
            raise AssertionError(f"{self._name} has failed: {outcome.kind}: {outcome.message}\n{_stack(outcome)}")
        if outcome is None:
            raise AssertionError(f"{self._name} has not ended; {self._waits}")
        return json.loads(outcome)

    @property
    def failure(self) -> Failure | None:
        """What it has failed with: kind, message, details (JSON text). None when it has not."""
        outcome = self._player.ended
        return outcome if isinstance(outcome, Failure) else None

    @property
    def commands(self) -> list[Command]:
        """What it has asked for, in order, over all executions."""
        return self._player.all_commands

    def calls(self, name: str) -> list[Any]:
        """The inputs that an activity or a child orchestrator was called with, in order."""
        kinds = ("activity", "orchestrator")
        return [one.input for one in self.commands if one.kind in kinds and one.name.lower() == name.lower()]

    @property
    def waiting_for(self) -> list[str]:
        """What would let it go on."""
        return self._player.waiting_for()

    @property
    def executions(self) -> int:
        """1, and one more for each continue-as-new."""
        return self._player.executions

    @property
    def logs(self) -> list[tuple[Level, str]]:
        """What it and its activities have logged."""
        return list(self._player.logs)

    @property
    def now(self) -> datetime:
        """The test's clock, in UTC."""
        return from_ms(self._world.now_ms)

    def instance(self, instance_id: str) -> Run:
        """Another instance, such as a child. Raises ScriptError when there is none of that id."""
        player = self._world.instances.get(instance_id)
        if player is None:
            known = ", ".join(self._world.instances)
            raise ScriptError(f"there is no instance {instance_id!r}; there are {known}")
        return Run(self._world, player)

    # What happens to it.

    def raise_event(self, name: str, data: Any = None) -> Run:
        """An event from outside. Raises ScriptError when the instance has ended."""
        if self.is_done:
            raise ScriptError(f"event {name!r} comes too late: {self._name} has ended with {self._player.ended!r:.200}")
        text = encode(data, "data", f"event {name}")
        self._world.later(lambda: self._player.deliver(name, text))
        self._world.settle()
        return self

    def advance(self, time: timedelta) -> Run:
        """Lets time pass: the timers that are due fire, in order, each at its own time."""
        self._world.advance(self._world.now_ms + whole_ms(time))
        return self

    def advance_to_next_timer(self) -> Run:
        """Lets time pass until a timer fires. Raises ScriptError when there is none."""
        due_ms = self._world.next_due_ms()
        if due_ms is None:
            raise ScriptError(f"no timer is running; {self._waits}")
        self._world.advance(due_ms)
        return self

    # What the test expects.

    def expect_status(self, expected: Any) -> Run:
        """The next custom status that has not been expected yet is this one."""
        seen = self._player.statuses[: self._statuses_seen]
        left = self._player.statuses[self._statuses_seen :]
        if not left:
            raise AssertionError(f"{self._name}: expected the status {expected!r}, and there is none after {seen!r}")
        if left[0] != expected:
            raise AssertionError(
                f"{self._name}: expected the status {expected!r}, and found {left[0]!r}, after {seen!r}"
            )
        self._statuses_seen += 1
        return self

    def expect_no_more_statuses(self) -> Run:
        """All custom statuses have been expected."""
        left = self._player.statuses[self._statuses_seen :]
        if left:
            raise AssertionError(f"{self._name}: expected no more statuses, and found {left!r}")
        return self

    def expect_output(self, expected: Any) -> Run:
        """It has ended well, and returned this."""
        if self.output != expected:
            raise AssertionError(f"{self._name}: expected the output {expected!r}, and found {self.output!r}")
        return self

    def expect_failure(self, kind: str, message: str = "") -> Run:
        """It has failed with this kind, and a message that has this in it."""
        failure = self.failure
        if failure is None:
            found = f"its output is {self.output!r}" if self.is_done else self._waits
            raise AssertionError(f"{self._name}: expected a failure of kind {kind!r}, and {found}")
        if failure.kind != kind or message not in failure.message:
            raise AssertionError(
                f"{self._name}: expected {kind}: …{message}…, and found {failure.kind}: {failure.message}\n"
                f"{_stack(failure)}"
            )
        return self

    def expect_waiting(self) -> Run:
        """It has not ended."""
        if self.is_done:
            raise AssertionError(
                f"{self._name}: expected it to wait, and it has ended with {self._player.ended!r:.500}"
            )
        return self

    @property
    def _name(self) -> str:
        return f"{self._player.name} {self._player.instance_id()!r}"

    @property
    def _waits(self) -> str:
        return f"it waits for {', '.join(self.waiting_for) or 'nothing'}"


def _stack(failure: Failure) -> str:
    details = failure.parsed_details()
    return str(details.get("stack", "")) if isinstance(details, dict) else ""
