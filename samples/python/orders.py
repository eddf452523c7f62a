"""A saga: order lines in parallel, retries with back-off, and compensation in reverse order when a step fails."""

from dataclasses import dataclass
from typing import Any

import dacapo


@dataclass
class Order:
    order: str
    lines: list[dict[str, Any]]
    # The stock-keeping unit that the warehouse has run out of; to see what happens then.
    failAt: str | None = None  # noqa: N815 (as clients write it)


@dataclass
class Reservation:
    """What the activities of the warehouse are asked."""

    order: str
    line: dict[str, Any]
    out_of_stock: bool


# `out-of-stock` and `no-courier` are answers, not accidents: asking again would not change them.
PATIENT = dacapo.RetryOptions(100, 3, backoff_coefficient=2.0, unless_kinds=["out-of-stock", "no-courier"])
STUBBORN = dacapo.RetryOptions(1_000, 10, backoff_coefficient=2.0)


@dacapo.orchestrator
def order_fulfilment(context: dacapo.OrchestrationContext) -> dacapo.Orchestration:
    """Reserves all lines, charges, ships. Returns `complete`, or `compensated` and why."""
    order = context.get_input(Order)
    # Compensations of the steps that are done: the activity, and its input.
    undo: list[tuple[str, Any]] = []
    done = 0

    def show(stage: str) -> None:
        context.set_custom_status({"done": done, "total": len(order.lines), "stage": stage})

    try:
        show("reserving")
        reservations = [Reservation(order.order, _line(line), line["sku"] == order.failAt) for line in order.lines]
        steps = {context.call_activity_with_retry("ReserveStock", PATIENT, asked): asked for asked in reservations}
        # All of them, also after a failure: what is under way has to be known before it can be taken back.
        pending = list(steps)
        while pending:
            step = yield context.task_any(pending)
            pending.remove(step)
            if not step.is_faulted:
                undo.append(("ReleaseStock", steps[step]))
                done += 1
                show("reserving")
        for step in steps:
            # Raises what it has failed with; of several, the first line's counts.
            _ = step.result
        show("charging")
        yield context.call_activity_with_retry("ChargeCustomer", PATIENT, order.order)
        undo.append(("RefundCustomer", order.order))
        show("shipping")
        yield context.call_activity_with_retry("ShipOrder", PATIENT, order.order)
    except dacapo.Error as error:
        show("compensating")
        for activity, input_ in reversed(undo):
            yield context.call_activity_with_retry(activity, STUBBORN, input_)
        show("compensated")
        return {"order": order.order, "outcome": "compensated", "reason": error.message}
    show("complete")
    return {"order": order.order, "outcome": "complete", "reserved": done}


def _line(line: dict[str, Any]) -> dict[str, Any]:
    return {"sku": line["sku"], "quantity": line["quantity"]}


@dacapo.activity
def reserve_stock(reservation: Reservation, context: dacapo.ActivityContext) -> str:
    """A warehouse to play with: it is busy at first for stock that begins with "flaky"."""
    sku = reservation.line["sku"]
    if reservation.out_of_stock:
        raise dacapo.Error("out-of-stock", f"{sku} is out of stock")
    if sku.startswith("flaky") and context.attempt < 3:
        raise dacapo.Error("warehouse-busy", "the warehouse is busy")
    return context.idempotency_key


@dacapo.activity
def release_stock(reservation: Reservation) -> str:
    return reservation.line["sku"]


@dacapo.activity
def charge_customer(order: str) -> str:
    return order


@dacapo.activity
def refund_customer(order: str) -> str:
    return order


@dacapo.activity
def ship_order(order: str) -> str:
    """No courier goes where an order begins with "unshippable"."""
    if order.startswith("unshippable"):
        raise dacapo.Error("no-courier", f"no courier takes {order}")
    return order


@dacapo.activity
def recall_shipment(order: str) -> str:
    return order
