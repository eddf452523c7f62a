"""Plays one instance in a world of the test's."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Collection
from functools import partial
from typing import Any

from ..export import Outcome, play
from ..failure import Failure
from ..flow import Steps
from ..host import Level
from ..retry import RetryOptions
from .inbox import Inbox
from .recorder import Command, Pending, Recorder
from .replay import Resumption, check
from .world import World


class Player(Recorder):
    """The host of an instance, and what drives it."""

    def __init__(self, world: World, name: str, function: Callable[..., Any], input_: str, instance_id: str) -> None:
        super().__init__(instance_id, input_, 1)
        self.world = world
        self.name = name
        self.executions = 1
        self.statuses: list[Any] = []
        self.logs: list[tuple[Level, str]] = []
        self.ended: Outcome | None = None
        self.inbox = Inbox()
        # Commands of the executions before this one.
        self.earlier: list[Command] = []
        self.on_end: list[Callable[[Outcome], None]] = []
        self._function = function
        self._checked = (0, 0)
        self._begin(input_)

    def _begin(self, input_: str) -> None:
        self._input = input_
        self._execution = self.executions
        self._uuids = 0
        self._began_ms = self.now_ms = self.world.now_ms
        self._next: Command | None = None
        self._journal: list[Resumption] = []
        self._done: deque[Pending] = deque()
        self._finished: list[Pending] = []
        self._open: set[Pending] = set()
        self._steps: Steps = play(self.name, self._function, self)
        self._waiting: Collection[Pending] | None = None
        self.watched = {}
        self.world.later(self._start)

    @property
    def all_commands(self) -> list[Command]:
        """Those of every execution, in order."""
        return self.earlier + self.commands

    def waiting_for(self) -> list[str]:
        """What would let it go on."""
        return [str(self.commands[pending.number]) for pending in self._waiting or []]

    def is_replaying(self) -> bool:
        return False

    # What the commands do.

    def issue(self, command: Command) -> Pending:
        pending = super().issue(command)
        self._open.add(pending)
        return pending

    def call_activity(self, name: str, input_: str, retry: RetryOptions | None, timeout_ms: int | None) -> Pending:
        pending = super().call_activity(name, input_, retry, timeout_ms)
        self.world.later(lambda: self.finish(pending, self._attempts(pending, name, input_, retry)))
        return pending

    def call_orchestrator(
        self, name: str, input_: str, instance_id: str | None, retry: RetryOptions | None, detached: bool
    ) -> Pending:
        pending = super().call_orchestrator(name, input_, instance_id, retry, detached)
        child_id = instance_id or f"{self._instance_id}:{pending.number}"
        self.world.later(lambda: self._start_child(pending, name, input_, child_id))
        return pending

    def wait_for_event(self, name: str) -> Pending:
        pending = super().wait_for_event(name)
        self.inbox.wait(name, lambda data: self.finish(pending, data), pending.on_cancel)
        return pending

    def start_timer(self, delay_ms: int) -> Pending:
        pending = super().start_timer(delay_ms)
        pending.on_cancel.append(self.world.at(self.now_ms + delay_ms, lambda: self.finish(pending, "null")))
        return pending

    def raise_event(self, instance_id: str, name: str, data: str) -> None:
        super().raise_event(instance_id, name, data)
        # An event for nobody is lost, as on a server.
        self.world.later(
            lambda: self.world.instances[instance_id].deliver(name, data) if self._lives(instance_id) else None
        )

    def continue_as_new(self, input_: str, keep_events: bool) -> None:
        super().continue_as_new(input_, keep_events)
        self._next = self.commands[-1]

    def outcome(self, handle: Pending) -> Outcome:
        handle.on_cancel.clear()
        return super().outcome(handle)

    def cancel(self, handle: Pending) -> None:
        super().cancel(handle)
        self._let_go(handle)

    def set_custom_status(self, value: str) -> Failure | None:
        self.statuses.append(json.loads(value))
        return None

    def log(self, level: Level, message: str) -> None:
        self.logs.append((level, message))

    # What drives it.

    def deliver(self, name: str, data: str) -> None:
        """An event has come."""
        self.inbox.deliver(name, data)

    def finish(self, pending: Pending, outcome: Outcome) -> None:
        """Something is done; the flow goes on if it waits for it."""
        if pending not in self._open:
            return
        self._open.discard(pending)
        pending.done = outcome
        self._done.append(pending)
        self._finished.append(pending)
        self.world.later(self._resume)

    def check_replay(self) -> None:
        """Raises ReplayError when the flow would not do the same again."""
        state = (self.executions, len(self._journal))
        if self._checked != state:
            self._checked = state
            again = Recorder(self._instance_id, self._input, self._execution)
            check(self.name, self._function, again, self._began_ms, self.commands, self._journal)

    def _start(self) -> None:
        self._step(lambda: next(self._steps))

    def _resume(self) -> None:
        if self._waiting is None:
            return
        while self._done:
            pending = self._done.popleft()
            if self.watched.pop(pending.number, None) is not None and pending.done is not None:
                self.now_ms = self.world.now_ms
                self._journal.append(Resumption(pending.number, pending.done, self.now_ms))
                self._step(partial(self._steps.send, pending.key))
                self.world.later(self._resume)
                return

    def _step(self, go_on: Callable[[], Collection[Pending]]) -> None:
        self._waiting = None
        try:
            self._waiting = go_on()
        except StopIteration as end:
            self._end(end.value)

    def _end(self, outcome: Outcome) -> None:
        # What was done unseen, too: it may have taken an event, which the next execution gets.
        for pending in [*self._open, *self._finished]:
            self._let_go(pending)
        following = self._next
        if following is None or isinstance(outcome, Failure):
            self.ended = outcome
            for tell in self.on_end:
                tell(outcome)
            return
        self.check_replay()
        if not following.keep_events:
            self.inbox = Inbox()
        self.executions += 1
        self.earlier.extend(self.commands)
        self.commands = []
        self._begin(json.dumps(following.input))

    def _let_go(self, pending: Pending) -> None:
        self._open.discard(pending)
        while pending.on_cancel:
            pending.on_cancel.pop()()

    def _lives(self, instance_id: str) -> bool:
        instance = self.world.instances.get(instance_id)
        return instance is not None and instance.ended is None

    def _attempts(self, pending: Pending, name: str, input_: str, retry: RetryOptions | None) -> Outcome:
        """All attempts, one right after the other: the test's clock stands still meanwhile."""
        most = retry.max_number_of_attempts if retry else 1
        key = f"{self._instance_id}/{self._execution}/{pending.number}"
        for attempt in range(1, most + 1):
            outcome = self.world.script.run_activity(name, input_, _ActivityHost(self, key, attempt))
            if not _is_tried_again(outcome, retry):
                break
        return outcome

    def _start_child(self, pending: Pending, name: str, input_: str, child_id: str, attempt: int = 1) -> None:
        command = self.commands[pending.number]
        host = _ActivityHost(self, child_id, attempt)

        def ended(outcome: Outcome) -> None:
            most = command.retry.max_number_of_attempts if command.retry else 1
            if attempt < most and _is_tried_again(outcome, command.retry):
                self._start_child(pending, name, input_, child_id, attempt + 1)
            else:
                self.finish(pending, outcome)

        scripted = self.world.script.scripted_child(name, input_, host)
        if scripted is None:
            child = Player(self.world, *self.world.script.orchestrator(name), input_, child_id)
            self.world.instances[child_id] = child
            if not command.detached:
                child.on_end.append(ended)
        if command.detached:
            self.finish(pending, json.dumps(child_id))
        elif scripted is not None:
            ended(scripted)


def _is_tried_again(outcome: Outcome, retry: RetryOptions | None) -> bool:
    return isinstance(outcome, Failure) and retry is not None and outcome.kind not in retry.unless_kinds


class _ActivityHost:
    def __init__(self, player: Player, key: str, attempt: int) -> None:
        self._player = player
        self._key = key
        self._attempt = attempt

    def instance_id(self) -> str:
        return self._player.instance_id()

    def idempotency_key(self) -> str:
        return self._key

    def attempt(self) -> int:
        return self._attempt

    def report_progress(self, value: str) -> None:
        pass

    def log(self, level: Level, message: str) -> None:
        self._player.logs.append((level, message))
