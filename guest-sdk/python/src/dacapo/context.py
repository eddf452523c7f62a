"""What an orchestrator may ask of its host."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from .combined import AllTask, AnyTask
from .errors import Error
from .expected import expected
from .failure import clean
from .flow import Flow
from .host import Level, checked_level
from .names import name_of, text_of
from .retry import RetryOptions
from .task import HostTask, Task, TimerTask
from .times import from_ms, until, whole_ms
from .values import decode, decode_input, encode

# A function that is registered may stand for its name.
Name = str | Callable[..., Any]


class OrchestrationContext:
    """The world of an orchestrator: it has no other clock, randomness, network or file.

    Calls that return a Task issue their command at once, so their order in the code is their order in the history.
    `type` arguments say what a value has to be; a value that some client has encoded twice is read accordingly.
    """

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._host = flow.host

    # Input, time, identity.

    def get_input(self, type: Any = Any) -> Any:
        """The input of this execution; None when it was started with none. Raises DecodeError when it is no `type`."""
        return decode_input(self._host.get_input(), f"the input of orchestrator {self._flow.name}", expected(type))

    @property
    def instance_id(self) -> str:
        """The id of this instance."""
        return self._host.instance_id()

    @property
    def current_utc_datetime(self) -> datetime:
        """The time of the turn, with the time zone UTC; the same on replay. It moves only while the flow waits."""
        return from_ms(self._host.current_time_ms())

    @property
    def is_replaying(self) -> bool:
        """Whether this turn has already been played once. For logs; a flow that decides by it cannot be replayed."""
        return self._host.is_replaying()

    def new_guid(self) -> uuid.UUID:
        """A new id each time, and the same ones on replay."""
        return uuid.UUID(self._host.new_uuid())

    def new_uuid(self) -> str:
        """`new_guid` as text."""
        return self._host.new_uuid()

    # Things to wait for.

    def call_activity(
        self, name: Name, input_: Any = None, *, timeout: timedelta | None = None, type: Any = Any
    ) -> Task[Any]:
        """Runs an activity at least once; its result is recorded once.

        timeout: past it, the call fails with kind `timeout`.
        Raises NotJsonError, here and at once, for an input that JSON cannot express.
        """
        return self._activity(name, None, input_, timeout, type)

    def call_activity_with_retry(
        self,
        name: Name,
        retry_options: RetryOptions,
        input_: Any = None,
        *,
        timeout: timedelta | None = None,
        type: Any = Any,
    ) -> Task[Any]:
        """`call_activity`, tried again as the options say. `timeout` bounds each attempt."""
        return self._activity(name, _checked(retry_options), input_, timeout, type)

    def call_sub_orchestrator(
        self,
        name: Name,
        input_: Any = None,
        instance_id: str | None = None,
        *,
        detached: bool = False,
        type: Any = Any,
    ) -> Task[Any]:
        """Starts another orchestrator, and waits for its output.

        instance_id: the child's id; derived from this one's when absent.
        detached: do not wait for the end; the result is the child's id, as soon as the child exists.
        """
        return self._child(name, None, input_, instance_id, detached, type)

    def call_sub_orchestrator_with_retry(
        self,
        name: Name,
        retry_options: RetryOptions,
        input_: Any = None,
        instance_id: str | None = None,
        *,
        type: Any = Any,
    ) -> Task[Any]:
        """`call_sub_orchestrator`, started again as the options say when the child fails."""
        return self._child(name, _checked(retry_options), input_, instance_id, False, type)

    def call_http(
        self, method: str, uri: str, content: Any = None, headers: dict[str, str] | None = None
    ) -> Task[dict[str, Any]]:
        """Sends a request from the host, which has to allow the address.

        Gives {"statusCode": number, "headers": object, "content": text}. A reply of 202 is asked after by timers.
        """
        request: dict[str, Any] = {"method": method, "uri": uri, "content": content, "headers": headers}
        return self._activity(
            "Http", None, {key: part for key, part in request.items() if part is not None}, None, dict
        )

    def create_timer(self, fire_at: datetime | timedelta) -> TimerTask:
        """Done at that time (without a time zone: UTC), or after that long. Waiting costs nothing."""
        delay_ms = whole_ms(fire_at) if isinstance(fire_at, timedelta) else until(fire_at, self._host.current_time_ms())
        return TimerTask(self._flow, "timer", self._host.start_timer(delay_ms), lambda text: None)

    def wait_for_external_event(self, name: str, *, type: Any = Any) -> Task[Any]:
        """Waits for an event from outside, and gives its data.

        Events are buffered by name, ignoring case, until they are waited for; the first to wait gets the first one.
        """
        hint = expected(type)
        handle = self._host.wait_for_event(text_of(name, "the name of an event"))
        return HostTask(
            self._flow, f"event {name}", handle, lambda text: decode(text, f"the data of event {name}", hint)
        )

    def task_all(self, tasks: Iterable[Task[Any]]) -> Task[list[Any]]:
        """Waits for all of them: their results, in order. The first that fails, in time, fails it."""
        return AllTask(self._flow, tasks)

    def task_any(self, tasks: Iterable[Task[Any]]) -> Task[Task[Any]]:
        """Waits for the first to be done, and gives that task, failed or not. The others go on, unless cancelled."""
        return AnyTask(self._flow, tasks)

    # Things to tell.

    def set_custom_status(self, value: Any) -> None:
        """Publishes progress: visible when this turn commits, at the next wait or at the end; the last one wins.

        Raises Error when it is larger than the host allows, and NotJsonError.
        """
        refused = self._host.set_custom_status(encode(value, "custom_status", self._owner))
        if refused is not None:
            raise Error(refused.kind, refused.message, refused.parsed_details())

    def raise_event(self, instance_id: str, name: str, data: Any = None) -> None:
        """Sends an event to another instance, exactly once."""
        text_of(instance_id, "an instance id")
        text_of(name, "the name of an event")
        self._host.raise_event(instance_id, name, encode(data, "data", f"event {name}"))

    def continue_as_new(self, input_: Any = None, keep_events: bool = True) -> None:
        """Begins the next execution with this input, as soon as the orchestrator returns; what it returns is not used.

        keep_events: whether the next execution gets the events that nobody has waited for yet.
        """
        self._host.continue_as_new(encode(input_, "input", f"the next execution of {self._owner}"), keep_events)

    def log(self, message: object, level: Level = "info") -> None:
        """A line in the host's log; silent while replaying. level: debug, info, warn, error."""
        self._host.log(checked_level(level), clean(str(message)))

    @property
    def _owner(self) -> str:
        return f"orchestrator {self._flow.name}"

    def _activity(
        self, name: Name, retry: RetryOptions | None, input_: Any, timeout: timedelta | None, type: Any
    ) -> Task[Any]:
        name = name_of(name, "activity")
        text = encode(input_, "input", f"activity {name}")
        hint = expected(type)
        handle = self._host.call_activity(name, text, retry, None if timeout is None else whole_ms(timeout))
        return HostTask(
            self._flow, f"activity {name}", handle, lambda text: decode(text, f"the result of activity {name}", hint)
        )

    def _child(
        self, name: Name, retry: RetryOptions | None, input_: Any, instance_id: str | None, detached: bool, type: Any
    ) -> Task[Any]:
        name = name_of(name, "orchestrator")
        if instance_id is not None:
            text_of(instance_id, "an instance id")
        text = encode(input_, "input", f"orchestrator {name}")
        hint = expected(type)
        handle = self._host.call_orchestrator(name, text, instance_id, retry, detached)
        what = f"the output of orchestrator {name}"
        return HostTask(self._flow, f"orchestrator {name}", handle, lambda text: decode(text, what, hint))


def _checked(options: Any) -> RetryOptions:
    if not isinstance(options, RetryOptions):
        raise TypeError(
            f"retry_options is a {type(options).__name__} ({options!r:.60}); use dacapo.RetryOptions(first_ms, "
            "attempts), as the second argument, before the input"
        )
    options.check()
    return options
