"""The rest of the context: input, identity, status, logs, and the next execution."""

import unittest
import unittest.mock
import uuid
from dataclasses import dataclass
from datetime import timedelta

import dacapo
from dacapo.failure import Failure
from dacapo.testing import play
from dacapo.testing.player import Player


@dataclass
class Order:
    sku: str
    count: int = 1


class Input(unittest.TestCase):
    def input(self, sent, *wanted):
        return play(lambda context: repr(context.get_input(*wanted)), sent).output

    def test_as_it_is_sent(self) -> None:
        self.assertEqual(self.input({"a": [1, None, True, "ä"]}), "{'a': [1, None, True, 'ä']}")
        self.assertEqual(self.input("1"), "'1'")
        self.assertEqual(self.input(None), "None")

    def test_one_level_of_quotes_is_forgiven(self) -> None:
        self.assertEqual(self.input("1", int), "1")
        self.assertEqual(self.input("[1]", list[int]), "[1]")
        self.assertEqual(self.input('{"sku":"x"}', Order), "Order(sku='x', count=1)")
        self.assertEqual(self.input("7", int | None), "7")

    def test_strings_stay_as_they_are(self) -> None:
        self.assertEqual(self.input("1", str), "'1'")
        self.assertEqual(self.input('"Tokyo"', str), "'\"Tokyo\"'")
        self.assertEqual(self.input("", str | None), "''")

    def test_no_input_is_null_or_the_empty_string(self) -> None:
        for none in (None, ""):
            self.assertEqual(self.input(none, int | None), "None")
        self.assertEqual(self.input("", str), "''")

    def test_the_wrong_type_says_what_where_and_what_was_found(self) -> None:
        def flow(context):
            return context.get_input(int)

        at = "Unexpected value for the input of orchestrator Flow: "
        play(flow, "four").expect_failure("decode", at + 'expected a whole number, found "four"')
        play(flow, True).expect_failure("decode", at + "expected a whole number, found true")
        play(flow, None).expect_failure("decode", "found null")
        play(flow, '"1"').expect_failure("decode", r'found "\"1\""')
        play(lambda context: context.get_input(Order), {"count": 1}).expect_failure(
            "decode", "expected an object with sku (Order)"
        )


class Identity(unittest.TestCase):
    def test_ids_are_new_each_time_and_the_same_on_replay(self) -> None:
        def flow(context):
            ids = [context.new_uuid(), str(context.new_guid())]
            yield context.call_activity("Use", ids)
            return [context.instance_id, ids]

        output = play(flow, instance_id="order-7", activities={"Use": None}).output
        self.assertEqual(output[0], "order-7")
        self.assertEqual(len({uuid.UUID(one) for one in output[1]}), 2)

    def test_time_moves_only_while_the_flow_waits(self) -> None:
        def flow(context):
            before = context.current_utc_datetime
            same = context.current_utc_datetime == before
            yield context.create_timer(timedelta(milliseconds=1_500))
            return [same, (context.current_utc_datetime - before).total_seconds(), context.is_replaying]

        play(flow).advance(timedelta(seconds=2)).expect_output([True, 1.5, False])

    def test_logs(self) -> None:
        def flow(context):
            context.log("hello")
            context.log(RuntimeError("odd"), "warn")
            context.log("x", "loud")

        run = play(flow).expect_failure("ValueError", "no log level 'loud'; use one of debug, info, warn, error")
        self.assertEqual(run.logs, [("info", "hello"), ("warn", "odd")])


class Status(unittest.TestCase):
    def test_statuses_are_seen_in_order(self) -> None:
        def flow(context):
            context.set_custom_status("Tokyo")
            yield context.wait_for_external_event("Go")
            context.set_custom_status({"b": 1, "a": [None]})

        run = play(flow).expect_status("Tokyo").expect_no_more_statuses()
        run.raise_event("Go").expect_status({"b": 1, "a": [None]}).expect_output(None)
        self.assertEqual(run.status, {"b": 1, "a": [None]})

    def test_a_status_that_the_host_refuses_raises_its_reason(self) -> None:
        def flow(context):
            try:
                context.set_custom_status("x" * 100_000)
            except dacapo.Error as error:
                return [error.kind, error.message]

        refuse = unittest.mock.patch.object(
            Player, "set_custom_status", lambda self, value: Failure("too-large", "16 KiB")
        )
        recorder = unittest.mock.patch(
            "dacapo.testing.recorder.Recorder.set_custom_status", lambda self, value: Failure("too-large", "16 KiB")
        )
        with refuse, recorder:
            play(flow).expect_output(["too-large", "16 KiB"])


class NextExecution(unittest.TestCase):
    def test_begins_with_the_new_input_and_the_events_kept(self) -> None:
        def flow(context):
            round_ = context.get_input()
            if round_ == 3:
                return (yield context.wait_for_external_event("Kept"))
            yield context.wait_for_external_event("Next")
            context.continue_as_new(round_ + 1)
            return "not used"

        run = play(flow, 1).raise_event("Kept", "still here").raise_event("Next").expect_waiting().raise_event("Next")
        run.expect_output("still here")
        self.assertEqual(run.executions, 3)
        self.assertEqual([one.input for one in run.commands if one.kind == "continue"], [2, 3])

    def test_an_event_that_a_wait_had_taken_unseen_is_kept(self) -> None:
        def flow(context):
            if context.get_input() == "second":
                return (yield context.wait_for_external_event("Go"))
            yield context.wait_for_external_event("Start")
            context.wait_for_external_event("Go")
            context.continue_as_new("second")
            return None

        play(flow).raise_event("Go", 7).raise_event("Start").expect_output(7)

    def test_an_event_that_was_given_back_comes_once(self) -> None:
        def flow(context):
            if context.get_input() == "second":
                first = yield context.wait_for_external_event("Go")
                again = context.wait_for_external_event("Go")
                winner = yield context.task_any([again, context.create_timer(timedelta(seconds=1))])
                return [first, winner is again]
            go, echo = context.wait_for_external_event("Go"), context.call_activity("Echo", 1)
            context.raise_event(context.instance_id, "Go", 7)
            yield echo
            go.cancel()
            context.continue_as_new("second")
            return None

        run = play(flow, activities={"Echo": lambda value: value})
        run.advance(timedelta(seconds=2)).expect_output([7, False])

    def test_an_event_of_a_wait_that_was_let_go_of_is_kept(self) -> None:
        def flow(context):
            if context.get_input() == "second":
                return (yield context.wait_for_external_event("Go"))
            go = context.wait_for_external_event("Go")
            yield context.call_activity("Echo", 1)
            del go
            yield context.wait_for_external_event("Next")
            context.continue_as_new("second")
            return None

        run = play(flow, activities={"Echo": lambda value: value})
        run.raise_event("Go", 5).raise_event("Next").expect_output(5)

    def test_events_can_be_left_behind(self) -> None:
        def flow(context):
            if context.get_input() == "second":
                return (yield context.wait_for_external_event("Old"))
            yield context.wait_for_external_event("Next")
            context.continue_as_new("second", keep_events=False)

        run = play(flow).raise_event("Old", 1).raise_event("Next").expect_waiting()
        run.raise_event("Old", 2).expect_output(2)

    def test_a_failure_ends_it_all_the_same(self) -> None:
        def flow(context):
            context.continue_as_new(1)
            raise ValueError("after all")

        play(flow).expect_failure("ValueError", "after all")


if __name__ == "__main__":
    unittest.main()
