"""Names, and the two interfaces that the host calls."""

import json
import unittest

import dacapo
from dacapo.export import run_activity, run_orchestrator
from dacapo.failure import Failure
from dacapo.testing.player import Player, _ActivityHost
from dacapo.testing.script import Script
from dacapo.testing.world import World


class Names(unittest.TestCase):
    def setUp(self) -> None:
        self.registry = dacapo.Registry()

    def test_pascal_case_or_the_name_given(self) -> None:
        @self.registry.orchestrator
        def hello_cities(context):
            return None

        @self.registry.orchestrator("E1_Hello")
        def other(context):
            return None

        @self.registry.orchestrator()
        def Third(context):  # noqa: N802
            return None

        self.assertEqual(self.registry.orchestrator_names(), ["HelloCities", "E1_Hello", "Third"])
        self.assertIs(self.registry.find_orchestrator("HELLOCITIES")[1], hello_cities)

    def test_two_of_one_name_are_refused_and_both_are_named(self) -> None:
        @self.registry.activity
        def say_hello():
            return 1

        with self.assertRaises(dacapo.DuplicateNameError) as caught:

            @self.registry.activity("SAYHELLO")
            def greet():
                return 2

        message = str(caught.exception)
        for part in (
            "'SAYHELLO' (case is ignored)",
            "say_hello (line",
            "greet (line",
            '@dacapo.activity("AnotherName")',
        ):
            self.assertIn(part, message)
        # An orchestrator may have the name of an activity.
        self.registry.orchestrator("SayHello")(lambda context: None)

    def test_functions_that_cannot_be_played_are_refused(self) -> None:
        with self.assertRaisesRegex(TypeError, "orchestrator Flow is an `async def` that yields"):

            @self.registry.orchestrator
            async def flow(context):
                yield 1

        with self.assertRaisesRegex(TypeError, "activity Act yields"):

            @self.registry.activity
            def act():
                yield 1

    def test_functions_stay_functions(self) -> None:
        @self.registry.activity
        def say_hello(name):
            return f"Hello {name}!"

        self.assertEqual(say_hello("Tokyo"), "Hello Tokyo!")


class Exports(unittest.TestCase):
    def setUp(self) -> None:
        self.registry = dacapo.Registry()
        world = World(Script(self.registry, None, None), 0)
        self.player = Player(world, "Flow", lambda context: None, "null", "order-7")

    def act(self, name, input_="null"):
        outcome = run_activity(self.registry, name, input_, _ActivityHost(self.player, "key-1", 2))
        return outcome if isinstance(outcome, Failure) else json.loads(outcome)

    def test_an_activity_gets_its_input_its_context_or_nothing(self) -> None:
        self.registry.activity("Nothing")(lambda: "nothing")
        self.registry.activity("Input")(lambda city: city)

        @self.registry.activity
        def both(context: dacapo.ActivityContext, city: str):
            context.report_progress({"percent": 40})
            context.log("sent", "debug")
            return [context.instance_id, context.idempotency_key, context.attempt, city]

        self.assertEqual(self.act("nothing"), "nothing")
        self.assertEqual(self.act("Input", '{"a":1}'), {"a": 1})
        self.assertEqual(self.act("Both", '"Tokyo"'), ["order-7", "key-1", 2, "Tokyo"])
        self.assertEqual(self.player.logs, [("debug", "sent")])

    def test_an_annotated_input_is_read_leniently_and_checked(self) -> None:
        @self.registry.activity
        def double(x: int) -> int:
            return 2 * x

        self.assertEqual(self.act("Double", "21"), 42)
        self.assertEqual(self.act("Double", '"21"'), 42)
        failure = self.act("Double", "[]")
        self.assertEqual(failure.kind, "decode")
        self.assertEqual(
            failure.message, "Unexpected value for the input of activity Double: expected a whole number, found []"
        )

    def test_an_async_activity_may_not_wait(self) -> None:
        @self.registry.activity
        async def good():
            return 1

        @self.registry.activity
        async def bad():
            await dacapo.Task(None, "something")  # type: ignore[arg-type]

        self.assertEqual(self.act("Good"), 1)
        self.assertIn("an activity has no event loop", self.act("Bad").message)

    def test_more_than_one_input_is_refused(self) -> None:
        self.registry.activity("Two")(lambda a, b: None)
        self.assertIn("activity Two takes a, b; an activity has one input", self.act("Two").message)

    def test_unknown_names_list_the_known_ones(self) -> None:
        self.registry.activity("A")(lambda: None)
        failure = self.act("B")
        self.assertEqual((failure.kind, failure.message), ("not-found", "This module has no activity B; it has A."))
        failure = run_orchestrator(self.registry, "B", self.player)
        self.assertEqual(failure.message, "This module has no orchestrator B; it has none at all.")

    def test_text_is_compact_and_letters_stay(self) -> None:
        self.registry.activity("A")(lambda: {"b": ["ä", 1.5, True], "a": (1, 2)})
        outcome = run_activity(self.registry, "A", "null", _ActivityHost(self.player, "k", 1))
        self.assertEqual(outcome, '{"b":["ä",1.5,true],"a":[1,2]}')


if __name__ == "__main__":
    unittest.main()
