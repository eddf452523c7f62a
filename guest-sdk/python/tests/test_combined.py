"""Waiting for several things: all of them, any of them, and both in one another."""

import unittest
from datetime import timedelta

import dacapo
from dacapo.export import run_orchestrator
from dacapo.testing import play
from dacapo.testing.recorder import Recorder


def wait_for(context, *names):
    return [context.wait_for_external_event(name) for name in names]


class All(unittest.TestCase):
    def test_results_are_in_order_whatever_is_done_first(self) -> None:
        def flow(context):
            return (yield context.task_all(wait_for(context, "A", "B", "C")))

        run = play(flow).raise_event("C", 3).raise_event("A", 1).expect_waiting().raise_event("B", 2)
        run.expect_output([1, 2, 3])

    def test_of_none_is_done_at_once(self) -> None:
        def flow(context):
            return (yield context.task_all([]))

        play(flow).expect_output([])

    def test_the_first_failure_in_time_fails_it_at_once(self) -> None:
        def flow(context):
            tasks = [context.wait_for_external_event(name, type=int) for name in ("A", "B", "C")]
            try:
                yield context.task_all(tasks)
            except dacapo.DecodeError as error:
                return [error.message.split(":")[0], [task.is_completed for task in tasks]]

        run = play(flow).raise_event("C", "not a number")
        run.expect_output(["Unexpected value for the data of event C", [False, False, True]])

    def test_of_several_failures_before_the_wait_the_first_in_time_counts(self) -> None:
        def flow(context):
            first = context.wait_for_external_event("A", type=int)
            second = context.wait_for_external_event("B", type=int)
            yield context.wait_for_external_event("Go")
            yield context.task_all([first, second])

        run = play(flow).raise_event("B", "x").raise_event("A", "x").raise_event("Go")
        run.expect_failure("decode", "event B")

    def test_a_failure_from_before_is_raised_by_the_wait(self) -> None:
        def flow(context):
            tasks = [context.wait_for_external_event("A", type=int), context.wait_for_external_event("B")]
            yield context.wait_for_external_event("Go")
            both = context.task_all(tasks)
            context.set_custom_status(both.is_faulted)
            yield both

        run = play(flow).raise_event("A", "x").raise_event("B").raise_event("Go")
        run.expect_status(True).expect_failure("decode", "event A")

    def test_the_same_task_twice(self) -> None:
        def flow(context):
            (task,) = wait_for(context, "A")
            return (yield context.task_all([task, task]))

        play(flow).raise_event("A", 1).expect_output([1, 1])

    def test_a_cancelled_part_would_wait_for_ever(self) -> None:
        def flow(context):
            tasks = wait_for(context, "A", "B")
            tasks[1].cancel()
            yield context.task_all(tasks)

        play(flow).expect_failure("not-a-task", "wait for ever")


class Any(unittest.TestCase):
    def test_the_winner_is_the_task_itself(self) -> None:
        def flow(context):
            approval, timeout = context.wait_for_external_event("Approval"), context.create_timer(timedelta(hours=1))
            winner = yield context.task_any([approval, timeout])
            if winner is approval:
                timeout.cancel()
                return approval.result
            return "too late"

        play(flow).raise_event("Approval", "yes").expect_output("yes")
        play(flow).advance(timedelta(hours=1)).expect_output("too late")

    def test_a_failed_winner_does_not_raise_until_it_is_asked(self) -> None:
        def flow(context):
            winner = yield context.task_any([context.call_activity("Fail")])
            state = [winner.is_completed, winner.is_faulted, winner.exception.kind]
            context.set_custom_status(state)
            return winner.result

        run = play(flow, activities={"Fail": ValueError("no")})
        run.expect_status([True, True, "ValueError"]).expect_failure("ValueError", "no")

    def test_the_losers_go_on(self) -> None:
        def flow(context):
            pending = wait_for(context, "A", "B", "C")
            order = []
            while pending:
                winner = yield context.task_any(pending)
                pending.remove(winner)
                order.append(winner.result)
            return order

        play(flow).raise_event("C", 3).raise_event("A", 1).raise_event("B", 2).expect_output([3, 1, 2])

    def test_a_loser_gives_what_came_before_it_was_waited_for(self) -> None:
        def flow(context):
            winner, loser, go = wait_for(context, "Winner", "Loser", "Go")
            yield context.task_any([winner, loser])
            yield go
            return [loser.is_completed, (yield loser), (yield loser)]

        run = play(flow).raise_event("Winner").raise_event("Loser", 1).expect_waiting()
        run.raise_event("Go").expect_output([True, 1, 1])

    def test_a_loser_that_was_let_go_of_is_not_waited_for(self) -> None:
        def flow(context):
            yield context.task_any(wait_for(context, "Winner", "Loser"))
            return (yield context.wait_for_external_event("Go"))

        run = play(flow).raise_event("Winner")
        self.assertEqual(run.waiting_for, ["event Go"])
        run.raise_event("Loser").expect_waiting().raise_event("Go", 1).expect_output(1)

    def test_a_cancelled_loser_leaves_its_event(self) -> None:
        def flow(context):
            winner, loser = wait_for(context, "Winner", "Loser")
            yield context.task_any([winner, loser])
            loser.cancel()
            return (yield context.wait_for_external_event("Loser"))

        play(flow).raise_event("Winner").raise_event("Loser", 1).expect_output(1)

    def test_of_several_that_are_done_the_first_in_time_wins(self) -> None:
        def flow(context):
            first, second = wait_for(context, "A", "B")
            yield context.wait_for_external_event("Go")
            return (yield context.task_any([first, second])).result

        play(flow).raise_event("B", "b").raise_event("A", "a").raise_event("Go").expect_output("b")

    def test_of_none_says_that_it_would_wait_for_ever(self) -> None:
        def flow(context):
            yield context.task_any([])

        play(flow).expect_failure("ValueError", "task_any of no tasks would wait for ever")

    def test_cancel_reaches_every_part(self) -> None:
        def flow(context):
            both = context.task_any([context.create_timer(timedelta(seconds=1)), *wait_for(context, "A")])
            both.cancel()
            return (yield context.wait_for_external_event("A"))

        run = play(flow).raise_event("A", 1).expect_output(1)
        self.assertEqual([one.kind for one in run.commands], ["timer", "event", "cancel", "cancel", "event"])


class Nested(unittest.TestCase):
    def test_any_of_alls(self) -> None:
        def flow(context):
            pair, single = context.task_all(wait_for(context, "A", "B")), context.task_all(wait_for(context, "C"))
            winner = yield context.task_any([pair, single])
            return [winner is pair, winner.result]

        play(flow).raise_event("A", 1).expect_waiting().raise_event("B", 2).expect_output([True, [1, 2]])
        play(flow).raise_event("A", 1).raise_event("C", 3).expect_output([False, [3]])

    def test_all_of_anys(self) -> None:
        def flow(context):
            first, second = context.task_any(wait_for(context, "A", "B")), context.task_any(wait_for(context, "C", "D"))
            winners = yield context.task_all([first, second])
            return [winner.result for winner in winners]

        play(flow).raise_event("D", 4).expect_waiting().raise_event("A", 1).expect_output([1, 4])

    def test_parts_that_are_cancelled_later_would_wait_for_ever_when_none_is_left(self) -> None:
        def flow(context):
            tasks = wait_for(context, "A", "B")
            nested = context.task_all([context.task_any(tasks)])
            tasks[0].cancel()
            winner = yield context.task_any([nested, context.create_timer(timedelta(seconds=1))])
            context.set_custom_status(winner is nested)
            tasks[1].cancel()
            yield nested

        run = play(flow).advance(timedelta(seconds=1)).expect_status(False)
        run.expect_failure("not-a-task", "wait for ever")

    def test_what_is_done_without_being_waited_for_is_known(self) -> None:
        def flow(context):
            side = context.wait_for_external_event("Side")
            yield context.wait_for_external_event("Main")
            return [side.is_completed, side.result]

        play(flow).raise_event("Side", 1).raise_event("Main").expect_output([True, 1])
        play(flow).raise_event("Main").expect_output([False, None])

    def test_something_else_in_the_list_is_named(self) -> None:
        def flow(context):
            yield context.task_all([context.call_activity("A"), "B"])

        play(flow, activities={"A": 1}).expect_failure("not-a-task", "task_all: item 1 is a str ('B'), not a task")


class CountingHost(Recorder):
    """Each activity is done as soon as it is waited for."""

    def __init__(self) -> None:
        super().__init__("test", "null", 1)
        self.watches = self.waits = 0

    def watch(self, handle, key):
        super().watch(handle, key)
        self.watches += 1

    def await_next(self):
        self.waits += 1
        _, pending = self.watched.popitem()
        pending.done = "1"
        return pending.key


class Cost(unittest.TestCase):
    def test_a_fan_out_hands_over_each_task_once(self) -> None:
        registry, host = dacapo.Registry(), CountingHost()

        @registry.orchestrator
        def fan_out(context):
            results = yield context.task_all([context.call_activity("Work") for _ in range(3_000)])
            return sum(results)

        self.assertEqual(run_orchestrator(registry, "FanOut", host), "3000")
        self.assertEqual((host.watches, host.waits), (3_000, 3_000))


if __name__ == "__main__":
    unittest.main()
