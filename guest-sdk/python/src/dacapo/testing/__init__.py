"""Plays orchestrators natively: no WebAssembly, no server, and time that moves only when the test says so.

    run = dacapo.testing.play(reserve_ticket, "user-1", activities={"CalculateDiscount": 30})
    run.expect_status({"discount": 30, ...})
    run.raise_event("BookingConfirmed", True)
    run.expect_output(True)

An activity that the test does not script is the registered one; the same goes for child orchestrators. What travels is
written as JSON and read again, as on a server. Whenever a flow comes to rest it is also played again from its
beginning: one that would not do the same thing on replay fails the test.
"""

from .play import play
from .run import Run
from .script import ScriptError

__all__ = ["Run", "ScriptError", "play"]
