"""Waiting for one thing: activities, events, timers, children; with `yield` and with `await`."""

import unittest
from datetime import UTC, datetime, timedelta

import dacapo
from dacapo.testing import play


class Activities(unittest.TestCase):
    def test_a_yield_gives_the_result(self) -> None:
        def flow(context):
            greeting = yield context.call_activity("SayHello", "Tokyo")
            return greeting

        run = play(flow, activities={"SayHello": lambda name: f"Hello {name}!"})
        run.expect_output("Hello Tokyo!")

    def test_a_failure_has_kind_message_and_details_and_can_be_caught(self) -> None:
        def flow(context):
            try:
                yield context.call_activity("Charge", 12)
            except dacapo.TaskFailedError as error:
                return [error.kind, error.message, error.details["details"], "Traceback" in error.details["stack"]]

        def charge(cents):
            raise dacapo.Error("card-declined", f"no {cents} cents left", {"cents": cents})

        play(flow, activities={"Charge": charge}).expect_output(
            ["card-declined", "no 12 cents left", {"cents": 12}, True]
        )

    def test_commands_are_issued_by_the_call_in_program_order(self) -> None:
        def flow(context):
            second = context.call_activity("B")
            first = context.call_activity("A", 1)
            context.create_timer(timedelta(seconds=1))
            yield first
            yield second

        commands = play(flow, activities={"A": 1, "B": 2}).commands
        self.assertEqual(
            [(one.kind, one.name) for one in commands], [("activity", "B"), ("activity", "A"), ("timer", "")]
        )

    def test_retry_options_and_time_out_are_passed_on(self) -> None:
        retry = dacapo.RetryOptions(100, 4, 2.0, 5_000, 60_000, ["card-declined"])

        def flow(context):
            yield context.call_activity_with_retry("Charge", retry, 12, timeout=timedelta(seconds=3))
            yield context.call_activity("Charge", 12, timeout=timedelta(microseconds=1))

        with_retry, without = play(flow, activities={"Charge": "ok"}).commands
        self.assertEqual((with_retry.retry, with_retry.timeout_ms, with_retry.input), (retry, 3_000, 12))
        self.assertEqual((without.retry, without.timeout_ms), (None, 1), "a wait never ends early")

    def test_retries_end_with_success_or_a_kind_that_is_final(self) -> None:
        def flow(context):
            try:
                yield context.call_activity_with_retry("Try", dacapo.RetryOptions(1, 3, unless_kinds=["final"]))
            except dacapo.TaskFailedError as error:
                return error.kind

        def attempts_until(kind):
            seen = []

            def attempt(context):
                seen.append(context.attempt)
                raise dacapo.Error(kind, "not yet")

            play(flow, activities={"Try": attempt}).expect_output(kind)
            return seen

        self.assertEqual(attempts_until("busy"), [1, 2, 3])
        self.assertEqual(attempts_until("final"), [1])

    def test_a_registered_function_stands_for_its_name(self) -> None:
        registry = dacapo.Registry()

        @registry.activity("Greet")
        def say_hello(name: str) -> str:
            return f"Hello {name}!"

        def flow(context):
            return (yield context.call_activity(say_hello, "Tokyo"))

        run = play(flow, registry=registry)
        self.assertEqual(run.calls("greet"), ["Tokyo"])
        run.expect_output("Hello Tokyo!")

    def test_http_calls_the_hosts_activity(self) -> None:
        def flow(context):
            reply = yield context.call_http("POST", "https://pay.example.com", {"cents": 1}, {"accept": "text/plain"})
            yield context.call_http("GET", "https://pay.example.com")
            return reply["statusCode"]

        run = play(flow, activities={"Http": {"statusCode": 200, "headers": {}, "content": ""}}).expect_output(200)
        full = {
            "method": "POST",
            "uri": "https://pay.example.com",
            "content": {"cents": 1},
            "headers": {"accept": "text/plain"},
        }
        self.assertEqual(run.calls("Http"), [full, {"method": "GET", "uri": "https://pay.example.com"}])


class Events(unittest.TestCase):
    def test_the_first_to_wait_gets_the_first_to_come_ignoring_case(self) -> None:
        def flow(context):
            first = context.wait_for_external_event("Go")
            second = context.wait_for_external_event("GO")
            later = yield second
            return [first.result, later]

        play(flow).raise_event("go", 1).raise_event("gO", 2).expect_output([1, 2])

    def test_events_that_come_early_are_kept(self) -> None:
        def flow(context):
            yield context.wait_for_external_event("Start")
            return (yield context.wait_for_external_event("Go"))

        play(flow).raise_event("Go", "early").expect_waiting().raise_event("Start").expect_output("early")

    def test_a_cancelled_wait_leaves_the_event_for_the_next(self) -> None:
        def flow(context):
            unneeded = context.wait_for_external_event("Go")
            unneeded.cancel()
            return [(yield context.wait_for_external_event("Go")), unneeded.is_cancelled, unneeded.is_completed]

        play(flow).raise_event("Go", 1).expect_output([1, True, False])

    def test_an_event_that_was_taken_unseen_goes_to_the_next_that_waits_when_it_is_cancelled(self) -> None:
        def flow(context):
            yield context.wait_for_external_event("Start")
            unneeded, needed = context.wait_for_external_event("Go"), context.wait_for_external_event("go")
            unneeded.cancel()
            return [(yield needed), unneeded.is_completed]

        play(flow).raise_event("Go", 1).raise_event("Start").expect_output([1, False])

    def test_events_that_are_given_back_are_in_the_order_in_which_they_came(self) -> None:
        def flow(context):
            yield context.wait_for_external_event("Start")
            for unneeded in [context.wait_for_external_event("Go") for _ in range(2)]:
                unneeded.cancel()
            return (yield context.task_all([context.wait_for_external_event("Go") for _ in range(3)]))

        run = play(flow).raise_event("Go", 1).raise_event("Go", 2).raise_event("Go", 3)
        run.raise_event("Start").expect_output([1, 2, 3])

    def test_one_level_of_quotes_is_forgiven_where_a_type_is_asked_for(self) -> None:
        def flow(context):
            number = yield context.wait_for_external_event("Number", type=int)
            text = yield context.wait_for_external_event("Text", type=str)
            anything = yield context.wait_for_external_event("Anything")
            return [number, text, anything]

        run = play(flow).raise_event("Number", "1").raise_event("Text", "1").raise_event("Anything", "1")
        run.expect_output([1, "1", "1"])

    def test_an_event_of_the_wrong_type_fails_where_it_is_waited_for(self) -> None:
        def flow(context):
            yield context.wait_for_external_event("Go", type=bool)

        run = play(flow).raise_event("Go", {"a": 1})
        run.expect_failure("decode", 'Unexpected value for the data of event Go: expected a boolean, found {"a":1}')


class Timers(unittest.TestCase):
    def test_a_time_with_or_without_a_zone_or_a_span(self) -> None:
        start = datetime(2030, 1, 1, tzinfo=UTC)

        def flow(context):
            now = context.current_utc_datetime
            yield context.create_timer(now + timedelta(hours=1))
            yield context.create_timer((now + timedelta(hours=2)).replace(tzinfo=None))
            yield context.create_timer(timedelta(hours=1))
            yield context.create_timer(now)
            return context.current_utc_datetime.isoformat()

        run = play(flow, now=start).advance(timedelta(hours=2, minutes=59)).expect_waiting()
        run.advance(timedelta(minutes=1)).expect_output("2030-01-01T03:00:00+00:00")
        hour_ms = 3_600_000
        self.assertEqual([one.delay_ms for one in run.commands], [hour_ms, hour_ms, hour_ms, 0])

    def test_a_cancelled_timer_never_fires(self) -> None:
        def flow(context):
            timer = context.create_timer(timedelta(seconds=1))
            timer.cancel()
            yield context.wait_for_external_event("Go")
            return [timer.is_cancelled, timer.is_completed]

        run = play(flow).advance(timedelta(seconds=5)).raise_event("Go").expect_output([True, False])
        self.assertEqual([one.kind for one in run.commands], ["timer", "cancel", "event"])

    def test_waiting_for_a_cancelled_task_says_so(self) -> None:
        def flow(context):
            timer = context.create_timer(timedelta(seconds=1))
            timer.cancel()
            yield timer

        play(flow).expect_failure("not-a-task", "this would wait for ever, since <timer: cancelled> was cancelled")

    def test_something_that_is_no_time_says_what_is(self) -> None:
        def flow(context):
            yield context.create_timer(60)

        play(flow).expect_failure("TypeError", "create_timer got 60; use a timedelta")


class Children(unittest.TestCase):
    def setUp(self) -> None:
        self.registry = dacapo.Registry()

        @self.registry.orchestrator
        def ask_one(context):
            answer = yield context.wait_for_external_event("Answer")
            return [context.instance_id, context.get_input(), answer]

    def test_a_child_is_played_and_its_output_is_the_result(self) -> None:
        def flow(context):
            return (yield context.call_sub_orchestrator("AskOne", "ready?", "child-1"))

        run = play(flow, registry=self.registry).expect_waiting()
        run.instance("child-1").raise_event("Answer", True)
        run.expect_output(["child-1", "ready?", True])

    def test_a_detached_child_is_not_waited_for(self) -> None:
        def flow(context):
            return (yield context.call_sub_orchestrator("AskOne", None, "child-1", detached=True))

        run = play(flow, registry=self.registry).expect_output("child-1")
        run.instance("child-1").expect_waiting()

    def test_options_and_retries_of_a_child(self) -> None:
        attempts = []

        def flow(context):
            options = dacapo.RetryOptions(10, 3)
            return (yield context.call_sub_orchestrator_with_retry("Flaky", options, 7, "child-1"))

        def flaky(x):
            attempts.append(x)
            if len(attempts) < 3:
                raise ValueError("not yet")
            return "done"

        run = play(flow, orchestrators={"Flaky": flaky}).expect_output("done")
        self.assertEqual(attempts, [7, 7, 7])
        self.assertEqual((run.commands[0].instance_id, run.commands[0].retry), ("child-1", dacapo.RetryOptions(10, 3)))

    def test_an_event_for_another_instance_arrives(self) -> None:
        def flow(context):
            child = context.call_sub_orchestrator("AskOne", 1, "child-1")
            context.raise_event("child-1", "Answer", {"yes": 1})
            context.raise_event("nobody", "Answer")
            return (yield child)

        play(flow, registry=self.registry).expect_output(["child-1", 1, {"yes": 1}])


class Awaiting(unittest.TestCase):
    def test_async_def_works_the_same(self) -> None:
        async def greet(context, city):
            return await context.call_activity("SayHello", city)

        async def flow(context):
            first = await greet(context, "Tokyo")
            both = await context.task_all([context.call_activity("SayHello", city) for city in ("Seattle", "London")])
            try:
                await context.call_activity("Fail")
            except dacapo.TaskFailedError as error:
                return [first, *both, error.kind]

        activities = {"SayHello": lambda name: f"Hello {name}!", "Fail": ValueError("no")}
        play(flow, activities=activities).expect_output(
            ["Hello Tokyo!", "Hello Seattle!", "Hello London!", "ValueError"]
        )

    def test_yield_from_helpers_and_tasks(self) -> None:
        def greet(context, city):
            return (yield context.call_activity("SayHello", city))

        def flow(context):
            first = yield from greet(context, "Tokyo")
            second = yield from context.call_activity("SayHello", "London")
            return [first, second]

        play(flow, activities={"SayHello": lambda name: name.upper()}).expect_output(["TOKYO", "LONDON"])


if __name__ == "__main__":
    unittest.main()
