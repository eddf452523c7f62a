"""The test kit itself: it has to fail where a test should."""

import itertools
import unittest
from datetime import timedelta

from dacapo.testing import ScriptError, play
from dacapo.testing.replay import ReplayError


def waits(context):
    context.set_custom_status("waiting")
    return (yield context.wait_for_external_event("Go"))


class Expectations(unittest.TestCase):
    def expect(self, message, call):
        with self.assertRaises(AssertionError) as caught:
            call()
        self.assertIn(message, str(caught.exception))

    def test_each_says_what_was_found(self) -> None:
        run = play(waits)
        self.expect("expected the status 'done', and found 'waiting'", lambda: run.expect_status("done"))
        self.expect("expected no more statuses, and found ['waiting']", run.expect_no_more_statuses)
        self.expect("has not ended; it waits for event Go", lambda: run.output)
        self.expect("expected a failure of kind 'x', and it waits for event Go", lambda: run.expect_failure("x"))
        run.expect_status("waiting")
        self.expect("there is none after ['waiting']", lambda: run.expect_status("more"))
        run.raise_event("Go", 1)
        self.expect("expected the output 2, and found 1", lambda: run.expect_output(2))
        self.expect("it has ended with '1'", run.expect_waiting)

    def test_a_failure_shows_its_stack(self) -> None:
        run = play(lambda context: [][1])
        self.expect("IndexError: list index out of range\nTraceback", lambda: run.expect_output(None))

    def test_what_the_script_lacks(self) -> None:
        def flow(context):
            yield context.call_activity("Unknown")

        with self.assertRaisesRegex(ScriptError, "there is no activity 'Unknown'"):
            play(flow)
        with self.assertRaisesRegex(ScriptError, "comes too late"):
            play(lambda context: 1).raise_event("Go")
        with self.assertRaisesRegex(ScriptError, "no timer is running; it waits for event Go"):
            play(waits).advance_to_next_timer()
        with self.assertRaisesRegex(ScriptError, "there is no instance 'x'; there are test"):
            play(waits).instance("x")


class Replays(unittest.TestCase):
    def test_a_flow_that_depends_on_something_else_is_found(self) -> None:
        numbers = itertools.count()

        def flow(context):
            yield context.call_activity("Use", next(numbers))

        with self.assertRaisesRegex(
            ReplayError, r"command 0 was `activity Use input=0`, and is now `activity Use input=1`"
        ):
            play(flow, activities={"Use": None})

    def test_a_flow_that_asks_for_less_on_replay_is_found(self) -> None:
        def flow(context):
            yield context.call_activity("A")
            if not context.is_replaying:
                yield context.call_activity("B")

        with self.assertRaisesRegex(ReplayError, "command 1 was `activity B`, and is now nothing"):
            play(flow, activities={"A": 1, "B": 2})

    def test_a_flow_that_never_rests_is_stopped(self) -> None:
        with self.assertRaisesRegex(ScriptError, "does a flow go on for ever"):
            play(lambda context: context.continue_as_new())


class Time(unittest.TestCase):
    def test_timers_fire_in_order_each_at_its_own_time(self) -> None:
        def flow(context):
            start = context.current_utc_datetime
            late, early = context.create_timer(timedelta(seconds=9)), context.create_timer(timedelta(seconds=4))
            seen = []
            for _ in range(2):
                winner = yield context.task_any([task for task in (late, early) if not task.is_completed])
                seen.append([winner is early, (context.current_utc_datetime - start).total_seconds()])
            return seen

        run = play(flow)
        start = run.now
        run.advance(timedelta(days=1)).expect_output([[True, 4.0], [False, 9.0]])
        self.assertEqual(run.now - start, timedelta(days=1))


if __name__ == "__main__":
    unittest.main()
