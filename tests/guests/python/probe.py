"""What the language itself offers for time and chance, and the mistakes that it lets one make: each language has this."""

import random
import secrets
import socket
import time
import uuid
from datetime import timedelta
from decimal import Decimal
from typing import Any

import dacapo


def drawn() -> dict[str, Any]:
    """Values of the clock and of chance; the same whenever this is played."""
    return {
        "clockMs": time.time_ns() // 1_000_000,
        "random": random.random(),
        "secure": secrets.token_hex(8),
        "uuid": str(uuid.uuid4()),
    }


@dacapo.orchestrator
def traces(context: dacapo.OrchestrationContext) -> dacapo.Orchestration:
    values = drawn() | {"guid": str(context.new_guid()), "now": context.current_utc_datetime.isoformat()}
    first = yield context.call_activity("Echo", values)
    yield context.create_timer(timedelta(seconds=1))
    return {"first": first, "second": drawn()}


def find(order: int) -> None:
    raise LookupError(f"no such order: {order}")


@dacapo.orchestrator
def throws(context: dacapo.OrchestrationContext) -> None:
    """A mistake deep in a flow."""
    find(7)


@dacapo.orchestrator
def sleeps(context: dacapo.OrchestrationContext) -> None:
    time.sleep(0.01)


@dacapo.orchestrator
def opens_file(context: dacapo.OrchestrationContext) -> None:
    with open("/etc/hostname") as file:
        file.read()


@dacapo.orchestrator
def opens_socket(context: dacapo.OrchestrationContext) -> None:
    socket.create_connection(("127.0.0.1", 1))


@dacapo.orchestrator
def not_json(context: dacapo.OrchestrationContext) -> dacapo.Orchestration:
    yield context.call_activity("Echo", {"order": {"lines": [1, Decimal("1.5")]}})


@dacapo.activity
def echo(value: Any) -> Any:
    return value
