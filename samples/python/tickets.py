"""A flow that tells its client what to do next, and waits for it for a minute."""

import json
from datetime import timedelta
from typing import Any

import dacapo

TIME_TO_BOOK = timedelta(seconds=60)


@dacapo.orchestrator
def reserve_ticket(context: dacapo.OrchestrationContext) -> dacapo.Orchestration:
    """Offers a discount, and returns whether the booking was confirmed while it lasted."""
    discount = yield context.call_activity("CalculateDiscount", context.get_input(), type=int)
    context.set_custom_status(
        {
            "discount": discount,
            "discountTimeout": TIME_TO_BOOK // timedelta(seconds=1),
            "bookingUrl": "https://www.myawesomebookingweb.com",
        }
    )

    confirmation = context.wait_for_external_event("BookingConfirmed", type=bool)
    deadline = context.create_timer(TIME_TO_BOOK)
    winner = yield context.task_any([confirmation, deadline])
    confirmed = winner is confirmation and confirmation.result
    # The loser is let go of: nothing is to be left open.
    (deadline if winner is confirmation else confirmation).cancel()

    if confirmed:
        message = "Thank you for confirming your booking."
    else:
        message = "The booking was not confirmed on time. Please try again."
    context.set_custom_status({"message": message})
    return confirmed


@dacapo.activity
def calculate_discount(user_id: Any) -> int:
    """Between 0 and 50 percent, and always the same for the same user."""
    text = json.dumps(user_id, ensure_ascii=False, separators=(",", ":"))
    return sum(text.encode()) % 51
