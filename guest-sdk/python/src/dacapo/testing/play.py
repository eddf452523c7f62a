"""Begins a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from ..names import marked_name, pascal_case
from ..registry import DEFAULT, Registry
from ..times import until
from ..values import encode
from .player import Player
from .run import Run
from .script import Script, Stub
from .world import World

_NOW = datetime(2030, 1, 1, tzinfo=UTC)


def play(
    orchestrator: Callable[..., Any],
    input: Any = None,
    *,
    activities: Mapping[Any, Stub] | None = None,
    orchestrators: Mapping[Any, Stub] | None = None,
    instance_id: str = "test",
    now: datetime = _NOW,
    registry: Registry = DEFAULT,
) -> Run:
    """Starts an orchestrator and plays it until it ends, or waits for an event or a timer.

    activities, orchestrators: what stands in for them, by name: a function of the input, an exception to raise, or the
        result itself. Attempts of a retry follow each other at once, and are bounded by number only.
    now: where the test's clock begins.
    registry: where everything else is looked up.
    Raises ScriptError when the flow asks for something that is neither scripted nor registered, and ReplayError (both
    are AssertionErrors) when it does something else when played again.
    """
    world = World(Script(registry, activities, orchestrators), until(now, 0))
    name = marked_name(orchestrator) or pascal_case(orchestrator.__name__)
    player = Player(world, name, orchestrator, encode(input, "input", f"orchestrator {name}"), instance_id)
    world.instances[instance_id] = player
    world.settle()
    return Run(world, player)
