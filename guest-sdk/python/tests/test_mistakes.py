"""What goes wrong: the error names what, where, and what to do instead."""

import asyncio
import dataclasses
import datetime
import decimal
import linecache
import pathlib
import socket
import sys
import threading
import time
import traceback
import unittest
import unittest.mock
from time import sleep

import dacapo
from dacapo.testing import play


class WrongWaits(unittest.TestCase):
    def expect(self, flow, message):
        play(flow, activities={"A": 1}).expect_failure("not-a-task", message)

    def test_a_value(self) -> None:
        def flow(context):
            yield "Tokyo"

        line = flow.__code__.co_firstlineno + 1
        self.expect(
            flow, f"orchestrator Flow, test_mistakes.py line {line}: this waits for a str ('Tokyo'), which is not"
        )

    def test_a_list_of_tasks(self) -> None:
        def flow(context):
            yield [context.call_activity("A")]

        self.expect(flow, "list of tasks; use context.task_all([...])")

    def test_a_generator_and_a_coroutine(self) -> None:
        def helper(context):
            yield context.call_activity("A")

        def flow(context):
            yield helper(context)

        self.expect(flow, "generator (helper); use `yield from helper(...)`")

    def test_the_line_is_that_of_the_innermost_function(self) -> None:
        async def helper(context):
            await context.call_activity("A")
            await asyncio.sleep(0)

        async def flow(context):
            await helper(context)

        self.expect(flow, f"line {helper.__code__.co_firstlineno + 2}: this waits for a NoneType, as asyncio gives it")

    def test_a_returned_task(self) -> None:
        self.expect(lambda context: context.call_activity("A"), "has returned a task")

    def test_the_mistake_can_be_caught_and_the_flow_goes_on(self) -> None:
        def flow(context):
            try:
                yield 1
            except dacapo.NotATaskError:
                return (yield context.call_activity("A"))

        play(flow, activities={"A": 1}).expect_output(1)


class Blocking(unittest.TestCase):
    def expect(self, call, message):
        def flow(context):
            yield context.call_activity("A")
            call()

        line = call.__code__.co_firstlineno
        run = play(flow, activities={"A": 1})
        run.expect_failure("blocking-call", f"orchestrator Flow uses {message}")
        self.assertIn(f"test_mistakes.py line {line}", run.failure.message)

    def test_sleeping_by_any_name(self) -> None:
        self.expect(lambda: time.sleep(10), "time.sleep at test_mistakes.py")
        if sys.version_info >= (3, 13):
            self.expect(lambda: sleep(10), "time.sleep")

    def test_files(self) -> None:
        self.expect(lambda: open("orders.txt"), "open")  # noqa: SIM115
        self.expect(lambda: pathlib.Path("orders.txt").read_text(), "open")

    def test_sockets_threads_and_the_terminal(self) -> None:
        self.expect(lambda: socket.socket(), "a socket")
        if sys.version_info >= (3, 12):
            self.expect(lambda: threading.Thread(target=print).start(), "a thread")
        self.expect(lambda: input(), "input")

    def test_activities_and_tests_may(self) -> None:
        def flow(context):
            return (yield context.call_activity("Read"))

        here = pathlib.Path(__file__)
        play(flow, activities={"Read": lambda: here.read_text()[:18]}).expect_output('"""What goes wrong')
        self.assertTrue(here.read_text())

    def test_a_stack_may_be_written(self) -> None:
        def flow(context):
            linecache.clearcache()
            try:
                yield context.call_activity("A")
            except dacapo.TaskFailedError:
                return traceback.format_exc().splitlines()[0]

        play(flow, activities={"A": ValueError("no")}).expect_output("Traceback (most recent call last):")

    def test_an_import_inside_an_orchestrator_is_no_mistake(self) -> None:
        def flow(context):
            import this_module_is_not_there  # noqa: F401

        play(flow).expect_failure("ModuleNotFoundError")


class NotJson(unittest.TestCase):
    def expect(self, value, message):
        def flow(context):
            yield context.call_activity("Charge", value)

        play(flow).expect_failure("encode", message)

    def test_the_path_leads_to_the_value(self) -> None:
        order = {"order": {"lines": [{"qty": 1}, {"qty": 2}, {"qty": decimal.Decimal("1.5")}]}}
        self.expect(
            order,
            "input.order.lines[2].qty of activity Charge is a Decimal (Decimal('1.5')), "
            "which JSON cannot express; use str(value)",
        )

    def test_each_kind_says_what_to_use(self) -> None:
        loop: list = []
        loop.append(loop)
        deep: list = []
        for _ in range(100_000):
            deep = [deep]
        for value, message in [
            (datetime.datetime(2030, 1, 1), "use value.isoformat()"),
            (
                {"a b": {1, 2}},
                "input['a b'] of activity Charge is a set ({1, 2}), which JSON cannot express; use sorted",
            ),
            (b"x", "use base64"),
            ([float("nan")], "input[0] of activity Charge is the number nan"),
            ("\ud800", "text with half a character"),
            ({(1, 2): 3}, "a dict with a tuple as a key"),
            (loop, "input[0] of activity Charge is a part of itself"),
            (deep, "nested too deeply"),
            (object, "use a dict of its fields"),
        ]:
            with self.subTest(message):
                self.expect(value, message)

    def test_a_task_as_an_input(self) -> None:
        def flow(context):
            yield context.call_activity("Charge", [context.wait_for_external_event("Go")])

        play(flow).expect_failure("encode", "input[0] of activity Charge is a HostTask")
        play(flow).expect_failure("encode", "yield it first")

    def test_everywhere_a_value_leaves(self) -> None:
        for name, flow in {
            "custom_status.x": lambda context: context.set_custom_status({"x": b""}),
            "output.x": lambda context: {"x": b""},
            "data.x of event Go": lambda context: context.raise_event("other", "Go", {"x": b""}),
            "input.x of the next execution": lambda context: context.continue_as_new({"x": b""}),
            "input.x of orchestrator Child": lambda context: context.call_sub_orchestrator("Child", {"x": b""}),
        }.items():
            with self.subTest(name):
                play(flow).expect_failure("encode", name)

    def test_the_result_of_an_activity(self) -> None:
        def flow(context):
            yield context.call_activity("Now")

        play(flow, activities={"Now": lambda: {"at": datetime.date(2030, 1, 1)}}).expect_failure(
            "encode", "result.at of activity Now is a date"
        )


class Failures(unittest.TestCase):
    def test_the_kind_is_the_errors_own_or_its_class(self) -> None:
        class SoldOut(Exception):
            kind = "sold-out"

        def flow(context):
            raise SoldOut("no seats left")

        play(flow).expect_failure("sold-out", "no seats left")
        play(lambda context: [][1]).expect_failure("IndexError", "list index out of range")

    def test_the_stack_names_the_line(self) -> None:
        def flow(context):
            yield context.call_activity("A")
            raise RuntimeError("here")

        stack = play(flow, activities={"A": 1}).failure.parsed_details()["stack"]
        first, place, *_ = stack.splitlines()
        self.assertEqual(first, "Traceback (most recent call last):")
        self.assertTrue(place.endswith(f'test_mistakes.py", line {flow.__code__.co_firstlineno + 2}, in flow'), stack)

    def test_leaving_the_program_only_fails_the_instance(self) -> None:
        def flow(context):
            raise SystemExit(3)

        play(flow).expect_failure("SystemExit", "3")

    def test_an_unhandled_failure_of_an_activity_keeps_its_kind(self) -> None:
        def flow(context):
            yield context.call_activity("Charge")

        play(flow, activities={"Charge": dacapo.Error("declined", "no")}).expect_failure("declined", "no")

    def test_text_that_cannot_be_sent_does_not_hide_the_error(self) -> None:
        def flow(context):
            raise ValueError("half \ud800 a character")

        play(flow).expect_failure("ValueError", "half ? a character")

    def test_an_error_without_a_text_does_not_hide_itself(self) -> None:
        class Nameless(Exception):
            def __str__(self) -> str:
                return self.reason  # type: ignore[attr-defined, no-any-return]

        def flow(context):
            raise Nameless()
            yield

        play(flow).expect_failure("Nameless", "AttributeError")

    def test_what_a_class_refuses_can_be_caught(self) -> None:
        @dataclasses.dataclass
        class Order:
            quantity: int

            def __post_init__(self) -> None:
                if self.quantity < 1:
                    raise ValueError("nothing was ordered")

        def flow(context):
            order, other = context.wait_for_external_event("Order", type=Order), context.wait_for_external_event("Other")
            yield other
            try:
                return (yield order).quantity
            except ValueError as error:
                return str(error)

        run = play(flow).raise_event("Order", {"quantity": 0}).raise_event("Other")
        run.expect_output("nothing was ordered")

    def test_a_log_line_has_no_half_characters(self) -> None:
        def flow(context):
            context.log("half: \ud800")
            yield context.create_timer(datetime.timedelta(seconds=1))

        self.assertEqual(play(flow).logs, [("info", "half: ?")])

    def test_names_and_ids_are_whole_texts(self) -> None:
        half = "half \ud800"
        for call in [
            lambda context: context.call_activity(half),
            lambda context: context.call_sub_orchestrator(half),
            lambda context: context.call_sub_orchestrator("Child", instance_id=half),
            lambda context: context.wait_for_external_event(half),
            lambda context: context.raise_event(half, "Go"),
            lambda context: context.raise_event("other", half),
        ]:

            def flow(context, call=call):
                yield call(context)

            with self.subTest():
                play(flow).expect_failure("TypeError", r"'half \ud800', a text with half a character in it")

    def test_retry_options_out_of_range(self) -> None:
        for wrong, message in [
            (lambda: dacapo.RetryOptions(-1, 3), "first_retry_interval_in_milliseconds is -1"),
            (lambda: dacapo.RetryOptions(1, 0), "max_number_of_attempts is 0; it must be a whole number from 1"),
            (
                lambda: dacapo.RetryOptions(1, 1, backoff_coefficient=0.5),
                "backoff_coefficient is 0.5; it must be at least",
            ),
            (lambda: dacapo.RetryOptions(1, 1, unless_kinds="kind"), "use a list: ['kind']"),
        ]:
            with self.subTest(message), self.assertRaisesRegex(ValueError, message.replace("[", r"\[")):
                wrong()

    def test_options_in_the_place_of_the_input(self) -> None:
        def flow(context):
            yield context.call_activity_with_retry("A", {"input": 1}, dacapo.RetryOptions(1, 1))

        play(flow).expect_failure("TypeError", "use dacapo.RetryOptions(first_ms, attempts), as the second argument")


if __name__ == "__main__":
    unittest.main()
