"""Runs the published Python client against a served Dacapo: python scenario.py ORIGIN

The server has the modules Cities, Workloads, FailOnce and Status, and no instance yet.
"""

import asyncio
import json
import re
import sys
from datetime import timedelta

import aiohttp
from azure.durable_functions import DurableOrchestrationClient
from azure.durable_functions import OrchestrationRuntimeStatus as Status
from azure.durable_functions.models.utils import http_utils

UNFINISHED = ("Pending", "Running", "Suspended")


def client_of(base_url):
    """The client, with the binding that the Functions host would give it."""
    binding = {"taskHubName": "DacapoHub", "creationUrls": {}, "managementUrls": {"id": "INSTANCEID"},
               "rpcBaseUrl": base_url}
    return DurableOrchestrationClient(json.dumps(binding))


def check(condition, what):
    """As `assert`, but never optimised away."""
    if not condition:
        raise AssertionError(what)


def equal(found, wanted):
    check(found == wanted, f"found {found!r} where {wanted!r} was expected")


async def refused(call, pattern):
    """`call` must raise an error that says `pattern`."""
    try:
        await call
    except Exception as error:  # pylint: disable=broad-except
        check(re.search(pattern, str(error)), f"the error should say {pattern!r}: {error!r}")
        return
    raise AssertionError(f"nothing was refused; an error that says {pattern!r} was expected")


def has_ended(status):
    return status["runtimeStatus"] not in UNFINISHED


def waits(status):
    return status["customStatus"] == "waiting"


class Scenario:
    """What is done by one client, under ids that begin with a prefix."""

    def __init__(self, origin, prefix, client, session):
        self.origin, self.prefix, self.client, self.session = origin, prefix, client, session

    def id(self, name):
        return f"{self.prefix}-{name}"

    async def until(self, instance, is_wanted):
        """Waits, by long poll, until the status is as wanted."""
        url, headers = f"{self.origin}/runtime/webhooks/durabletask/instances/{instance}", {}
        while True:
            async with self.session.get(url, headers=headers) as answer:
                if answer.status == 304:
                    continue
                status = await answer.json()
                if is_wanted(status):
                    return
                check(not has_ended(status), f"{instance} ended too early: {status}")
                headers = {"prefer": "wait=60", "if-none-match": answer.headers["etag"]}

    async def starts_with_id_and_input(self):
        instance = self.id("steps")
        equal(await self.client.start_new("Steps", instance, 3), instance)
        await self.until(instance, has_ended)
        status = await self.client.get_status(instance, show_input=True)
        equal((status.name, status.instance_id, status.runtime_status), ("Steps", instance, Status.Completed))
        # This client encodes twice: the text is what came.
        equal((status.input_, status.output), ("3", 3))
        check(status.created_time <= status.last_updated_time and status.created_time.tzinfo, status.created_time)

    async def starts_without_id_and_input(self):
        instance = await self.client.start_new("hellocities")
        check(re.fullmatch("[0-9a-f]{32}", instance), instance)
        await self.until(instance, has_ended)
        status = await self.client.get_status(instance, show_input=True)
        equal(status.output, ["Hello Tokyo!", "Hello Seattle!", "Hello London!"])
        equal((status.custom_status, status.input_), ("London", None))

    async def waits_for_the_end(self):
        failing = self.id("failing")
        await self.client.start_new("FailOnce", failing)
        await self.until(failing, has_ended)
        wait = self.client.wait_for_completion_or_create_check_status_response
        completed = await wait(None, self.id("steps"), 1, 1)
        equal((completed.status_code, json.loads(completed.get_body())), (200, 3))
        failed = await wait(None, failing, 1, 1)
        equal(failed.status_code, 500)
        output = json.loads(failed.get_body())["output"]
        failed = "Orchestrator function 'FailOnce' failed: Activity function 'BuyAtShop' failed: The shop opens in "
        check(output.startswith(failed), output)

    async def raises_events(self):
        for name, data in (("object", {"a": ["ü", 1]}), ("text", "Tokyo"), ("nothing", None)):
            instance = self.id(f"event-{name}")
            await self.client.start_new("Park", instance)
            await self.until(instance, waits)
            equal((await self.client.get_status(instance)).runtime_status, Status.Running)
            await self.client.raise_event(instance, "go", data)
            await self.until(instance, has_ended)
            # Twice encoded by this client; the flow returns what it got.
            equal((await self.client.get_status(instance)).output, json.dumps(data))
            await refused(self.client.raise_event(instance, "Go", 1), "is gone: either completed or failed")
        await refused(self.client.raise_event(self.id("nobody"), "Go", 1), "No instance with ID .* found")

    async def talks_to_a_flow_that_knows_its_quirks(self):
        instance = self.id("recommender")
        await self.client.start_new("CityRecommender", instance, 2)
        await self.until(instance, lambda status: status["customStatus"])
        status = await self.client.get_status(instance)
        equal(status.custom_status, {"recommendedCities": ["Seattle", "London"], "recommendedSeasons": ["Summer"]})
        await self.client.raise_event(instance, "UserChoice", "London")
        await self.until(instance, has_ended)
        # The flow returns any value, so that it cannot tell a text from one that was encoded twice.
        check("London" in (await self.client.get_status(instance)).output, "the choice comes back")

    async def terminates(self):
        instance = self.id("stop")
        await self.client.start_new("Park", instance)
        await self.until(instance, waits)
        await self.client.terminate(instance, "enough of it & more")
        await self.until(instance, has_ended)
        status = await self.client.get_status(instance)
        equal((status.runtime_status, status.output), (Status.Terminated, "enough of it & more"))
        equal(status.custom_status, "waiting")
        await self.client.terminate(instance, "again")
        await refused(self.client.terminate(self.id("nobody"), "x"), "No instance with ID .* found")

    async def suspends_and_resumes(self):
        instance = self.id("held")
        await self.client.start_new("Park", instance)
        await self.until(instance, waits)
        await self.client.suspend(instance, "later")
        await self.until(instance, lambda status: status["runtimeStatus"] == "Suspended")
        await self.client.raise_event(instance, "Go", 5)
        equal((await self.client.get_status(instance)).runtime_status, Status.Suspended)
        await self.client.resume(instance, "now")
        await self.until(instance, has_ended)
        status = await self.client.get_status(instance, show_history=True, show_history_output=True)
        equal((status.runtime_status, status.output), (Status.Completed, "5"))
        # This client has a property `history` that is never set: the original, too, says `historyEvents`.
        kinds = [event["EventType"] for event in status.historyEvents]
        equal(kinds, ["ExecutionStarted", "ExecutionSuspended", "EventRaised", "ExecutionResumed", "ExecutionCompleted"])
        await refused(self.client.suspend(self.id("nobody"), "x"), "No instance with ID .* found")

    async def rewinds_and_restarts(self):
        await self.client.rewind(self.id("failing"), "again")
        await self.until(self.id("failing"), has_ended)
        await refused(self.client.rewind(self.id("steps"), "x"), "412|only supported on failed|only a failed one")
        # It should return the id; this client returns all that it got.
        again = (await self.client.restart(self.id("steps")))["id"]
        check(again != self.id("steps"), "a restart draws a new id")
        await self.until(again, has_ended)
        equal((await self.client.get_status(again)).output, 3)

    async def says_what_is_wrong(self):
        await refused(self.client.start_new("NoSuchFlow"), "The function 'NoSuchFlow' doesn't exist.*HelloCities")
        await refused(self.client.start_new("Park", "@x"), "must not start with '@'")
        check(not await self.client.get_status(self.id("nobody")), "a status of nobody counts as false")
        await self.client.start_new("Park", self.id("taken"))
        await refused(self.client.start_new("Park", self.id("taken")), "can be used again")

    async def lists(self):
        ids = [self.id(f"many-{n}") for n in range(5)]
        for instance in ids:
            await self.client.start_new("Trivial", instance)
            await self.until(instance, has_ended)
        everything = {status.instance_id: status for status in await self.client.get_status_all()}
        check(set(ids) <= set(everything), f"{ids} should be among {list(everything)}")

        async def by(**conditions):
            return [status.instance_id for status in await self.client.get_status_by(**conditions)]

        created = everything[ids[0]].created_time
        later = created + timedelta(days=1)
        equal(await by(instance_id_prefix=self.id("many-")), ids)
        check(ids[0] in await by(created_time_from=created, created_time_to=later), "it was created in this span")
        equal(await by(created_time_from=later), [])
        found = await by(runtime_status=[Status.Running, Status.Terminated])
        check({self.id("taken"), self.id("stop")} <= set(found) and ids[0] not in found, found)

    async def purges(self):
        instance = self.id("steps")
        equal((await self.client.purge_instance_history(instance)).instances_deleted, 1)
        check(not await self.client.get_status(instance), "it is gone")
        equal((await self.client.purge_instance_history(instance)).instances_deleted, 0)
        await refused(self.client.purge_instance_history(self.id("taken")), "409")

        created = (await self.client.get_status(self.id("taken"))).created_time
        later, by = created + timedelta(days=1), self.client.purge_instance_history_by
        equal((await by(created_time_from=later)).instances_deleted, 0)
        equal((await by(created, later, [Status.Terminated])).instances_deleted, 1)
        check((await by(created_time_from=created)).instances_deleted > 5, "the rest was purged")
        equal([status.instance_id for status in await self.client.get_status_all()], [self.id("taken")])
        await self.client.terminate(self.id("taken"), "done")
        await self.until(self.id("taken"), has_ended)
        equal((await self.client.purge_instance_history(self.id("taken"))).instances_deleted, 1)

    async def run(self):
        for step in (self.starts_with_id_and_input, self.starts_without_id_and_input, self.waits_for_the_end,
                     self.raises_events, self.talks_to_a_flow_that_knows_its_quirks, self.terminates,
                     self.suspends_and_resumes, self.rewinds_and_restarts, self.says_what_is_wrong, self.lists, self.purges):
            try:
                await step()
            except Exception as error:
                raise RuntimeError(f"{self.prefix}: {step.__name__}") from error
            print(f"{self.prefix}: {step.__name__}")


async def main(origin):
    bases = {"webhooks": f"{origin}/runtime/webhooks/durabletask/", "local": f"{origin}/durabletask/"}
    try:
        async with aiohttp.ClientSession() as session:
            for prefix, base in bases.items():
                await Scenario(origin, prefix, client_of(base), session).run()
    finally:
        # It keeps its connections for the life of its host, and has no call that closes them.
        await http_utils._close_session()  # pylint: disable=protected-access


asyncio.run(main(sys.argv[1]))
