"""GreetAll, played without a server: an hour passes at once."""

import unittest

import dacapo.testing
from app import greet_all


class GreetAll(unittest.TestCase):
    def greeted(self):
        run = dacapo.testing.play(greet_all, ["Ada", "Bob"])
        run.expect_status({"done": 1, "total": 2})
        run.expect_status({"done": 2, "total": 2})
        return run

    def test_everybody_is_greeted_and_thanks_are_passed_on(self):
        run = self.greeted()
        run.raise_event("Thanks", "you're welcome")
        run.expect_output({"greetings": ["Hello Ada!", "Hello Bob!"], "thanks": "you're welcome"})

    def test_nobody_waits_for_thanks_for_ever(self):
        run = self.greeted()
        run.advance_to_next_timer()
        run.expect_output({"greetings": ["Hello Ada!", "Hello Bob!"], "thanks": None})


if __name__ == "__main__":
    unittest.main()
