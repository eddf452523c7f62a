"""The samples, played natively: `python -m unittest` in this folder."""

import unittest
from datetime import timedelta

import approval
import cities
import orders
import status
import tickets

from dacapo.testing import play


class Cities(unittest.TestCase):
    def test_hello_cities_shows_each_city_once_it_was_greeted(self) -> None:
        run = play(cities.hello_cities)
        run.expect_status("Tokyo").expect_status("Seattle").expect_status("London").expect_no_more_statuses()
        run.expect_output(["Hello Tokyo!", "Hello Seattle!", "Hello London!"])

    def test_recommender_depends_on_the_taste_and_takes_either_event(self) -> None:
        run = play(cities.city_recommender, 2)
        run.expect_status({"recommendedCities": ["Seattle", "London"], "recommendedSeasons": ["Summer"]})
        run.raise_event("Choice", "London").expect_output("London")
        # As a client sends it that encodes twice.
        play(cities.city_recommender, "3").raise_event("UserChoice", "Tokyo").expect_output("Tokyo")

    def test_recommender_names_a_taste_that_it_does_not_know(self) -> None:
        play(cities.city_recommender, 7).expect_failure("unknown-taste", "nothing to recommend for 7; try 1, 2 or 3.")
        play(cities.city_recommender, "x").expect_failure("decode", 'found "x"')


class Tickets(unittest.TestCase):
    def offer(self):
        run = play(tickets.reserve_ticket, "user-1")
        url = "https://www.myawesomebookingweb.com"
        return run.expect_status({"discount": 48, "discountTimeout": 60, "bookingUrl": url})

    def test_confirmed_in_time(self) -> None:
        run = self.offer().advance(timedelta(seconds=59)).raise_event("BookingConfirmed", True)
        run.expect_status({"message": "Thank you for confirming your booking."}).expect_output(True)

    def test_refused_or_too_late(self) -> None:
        sorry = {"message": "The booking was not confirmed on time. Please try again."}
        self.offer().raise_event("BookingConfirmed", False).expect_status(sorry).expect_output(False)
        self.offer().advance(timedelta(seconds=60)).expect_status(sorry).expect_output(False)


class Status(unittest.TestCase):
    def test_the_status_stays_to_the_end(self) -> None:
        run = play(status.status_test).expect_waiting().raise_event("Done")
        run.expect_status({"nextActions": ["A", "B", "C"], "foo": 2}).expect_no_more_statuses().expect_output(None)

    def test_as_large_as_asked_for(self) -> None:
        play(status.big_status, 3).expect_status("xxx").expect_output(None)


class Orders(unittest.TestCase):
    def order(self, *skus, **more):
        lines = [{"sku": sku, "quantity": 1} for sku in skus]
        return play(orders.order_fulfilment, {"order": "o-1", "lines": lines, **more})

    def stages(self, run):
        return [f"{one['done']}/{one['total']} {one['stage']}" for one in run.statuses]

    def test_all_goes_well_after_some_retries(self) -> None:
        run = self.order("a", "flaky-b").expect_output({"order": "o-1", "outcome": "complete", "reserved": 2})
        reserving = ["0/2 reserving", "1/2 reserving", "2/2 reserving"]
        self.assertEqual(self.stages(run), [*reserving, "2/2 charging", "2/2 shipping", "2/2 complete"])

    def test_a_line_that_is_out_of_stock_takes_back_the_others(self) -> None:
        run = self.order("a", "b", "c", failAt="b")
        run.expect_output({"order": "o-1", "outcome": "compensated", "reason": "b is out of stock"})
        self.assertEqual([one["line"]["sku"] for one in run.calls("ReleaseStock")], ["c", "a"])
        self.assertEqual(run.calls("ChargeCustomer"), [])

    def test_a_late_failure_takes_back_everything_in_reverse_order(self) -> None:
        lines = [{"sku": "a", "quantity": 1}]
        run = play(orders.order_fulfilment, {"order": "unshippable-1", "lines": lines})
        self.assertEqual(run.output["reason"], "no courier takes unshippable-1")
        undone = [one.name for one in run.commands if one.name in ("RefundCustomer", "ReleaseStock", "RecallShipment")]
        self.assertEqual(undone, ["RefundCustomer", "ReleaseStock"])


class Approval(unittest.TestCase):
    def setUp(self) -> None:
        asked = {"request": "a bike", "approvers": ["bob", "ann"], "escalateTo": "eve", "escalateAfterMs": 1_000}
        self.run_ = play(approval.approval, asked, instance_id="a-1")

    def test_the_first_answer_counts_and_the_others_are_told(self) -> None:
        self.run_.instance("a-1-bob").raise_event("Decision", True)
        self.run_.expect_output({"approved": True, "by": "bob", "escalated": False})
        self.run_.instance("a-1-ann").expect_output({"approver": "ann", "approved": None})

    def test_nobody_answers_and_one_more_is_asked(self) -> None:
        self.run_.expect_status({"waitingFor": ["ann", "bob"], "escalated": False}).advance_to_next_timer()
        self.run_.expect_status({"waitingFor": ["ann", "bob", "eve"], "escalated": True})
        eve = self.run_.instance("a-1-eve")
        eve.expect_status({"approver": "eve", "request": "a bike", "choices": ["approve", "reject"]})
        eve.raise_event("Decision", False)
        self.run_.expect_output({"approved": False, "by": "eve", "escalated": True})


if __name__ == "__main__":
    unittest.main()
