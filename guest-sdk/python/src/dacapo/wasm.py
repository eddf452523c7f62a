"""The real host: what componentize-py generates from the contract, behind the SDK's seam. Only in built modules."""

from __future__ import annotations

from typing import Any

from componentize_py_types import Err  # type: ignore[import-not-found]
from wit_world.imports import activity_context, context, types  # type: ignore[import-not-found]

from .export import Outcome, run_activity, run_orchestrator
from .failure import Failure
from .host import Level
from .registry import DEFAULT
from .retry import RetryOptions


class Orchestrators:
    """The interface `orchestrators` of the contract."""

    def names(self) -> list[str]:
        return DEFAULT.orchestrator_names()

    def run(self, name: str) -> str:
        return _result(run_orchestrator(DEFAULT, name, _Host()))


class Activities:
    """The interface `activities` of the contract."""

    def names(self) -> list[str]:
        return DEFAULT.activity_names()

    def run(self, name: str, input: str) -> str:
        return _result(run_activity(DEFAULT, name, input, _ActivityHost()))


class _Host:
    await_next = staticmethod(context.await_next)
    wait_for_event = staticmethod(context.wait_for_event)
    start_timer = staticmethod(context.start_timer)
    get_input = staticmethod(context.get_input)
    instance_id = staticmethod(context.instance_id)
    current_time_ms = staticmethod(context.current_time_ms)
    new_uuid = staticmethod(context.new_uuid)
    is_replaying = staticmethod(context.is_replaying)
    raise_event = staticmethod(context.raise_event)
    continue_as_new = staticmethod(context.continue_as_new)

    def watch(self, task: Any, key: int) -> None:
        task.watch(key)

    def outcome(self, task: Any) -> Outcome:
        try:
            return task.outcome()  # type: ignore[no-any-return]
        except Err as error:
            return _failure(error)

    def cancel(self, task: Any) -> None:
        task.cancel()

    def call_activity(self, name: str, input_: str, retry: RetryOptions | None, timeout_ms: int | None) -> Any:
        options = types.ActivityOptions(_policy(retry), timeout_ms)
        return context.call_activity(name, input_, options if retry or timeout_ms is not None else None)

    def call_orchestrator(
        self, name: str, input_: str, instance_id: str | None, retry: RetryOptions | None, detached: bool
    ) -> Any:
        return context.call_orchestrator(name, input_, types.ChildOptions(instance_id, _policy(retry), detached))

    def set_custom_status(self, value: str) -> Failure | None:
        try:
            context.set_custom_status(value)
        except Err as error:
            return _failure(error)
        return None

    def log(self, level: Level, message: str) -> None:
        context.log(_level(level), message)


class _ActivityHost:
    instance_id = staticmethod(activity_context.instance_id)
    idempotency_key = staticmethod(activity_context.idempotency_key)
    attempt = staticmethod(activity_context.attempt)
    report_progress = staticmethod(activity_context.report_progress)

    def log(self, level: Level, message: str) -> None:
        activity_context.log(_level(level), message)


def _policy(retry: RetryOptions | None) -> Any:
    if retry is None:
        return None
    return types.RetryPolicy(
        retry.max_number_of_attempts,
        retry.first_retry_interval_in_milliseconds,
        float(retry.backoff_coefficient),
        retry.max_retry_interval_in_milliseconds,
        retry.retry_timeout_in_milliseconds,
        list(retry.unless_kinds),
    )


def _level(level: Level) -> Any:
    return types.LogLevel[level.upper()]


def _failure(error: Any) -> Failure:
    return Failure(error.value.kind, error.value.message, error.value.details)


def _result(outcome: Outcome) -> str:
    if isinstance(outcome, Failure):
        raise Err(types.Failure(outcome.kind, outcome.message, outcome.details))
    return outcome
