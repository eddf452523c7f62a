"""The README's samples of Durable Functions: what the diff leaves is played."""

import pathlib
import re
import unittest

from dacapo.testing import play

README = pathlib.Path(__file__).parent.parent / "README.md"


class Ported(unittest.TestCase):
    def test_samples_move_over_by_their_imports_and_registration(self) -> None:
        diff = re.search(r"```diff\n(.*?)\n```", README.read_text(encoding="utf-8"), re.DOTALL)
        assert diff is not None
        kept = "\n".join(line[1:] for line in diff[1].splitlines() if not line.startswith("-"))
        flows: dict = {}
        exec(compile(kept, "ported.py", "exec"), flows)

        sequence = play(flows["hello_sequence"]).expect_status("Tokyo").expect_status("Seattle").expect_status("London")
        sequence.expect_output(["Hello Tokyo!", "Hello Seattle!", "Hello London!"])

        run = play(flows["city_recommender"], 2)
        run.expect_status({"recommendedCities": ["Seattle", "London"], "recommendedSeasons": ["Summer"]})
        run.raise_event("UserChoice", "London").expect_output("London")

        run = play(flows["reserve_ticket"], "user-1", activities={"CalculateDiscount": 30})
        url = "https://www.myawesomebookingweb.com"
        run.expect_status({"discount": 30, "discountTimeout": 60, "bookingUrl": url})
        run.raise_event("BookingConfirmed", True)
        run.expect_status({"message": "Thank you for confirming your booking."}).expect_output(True)
