// Runs the published JavaScript client against a served Dacapo: node scenario.js ORIGIN
// The server has the modules Cities, Workloads, FailOnce and Status, and no instance yet.
"use strict";

const assert = require("node:assert/strict");

// Without it the client takes every webhook URL for one of the development host on port 7071.
process.env.WEBSITE_HOSTNAME = "localhost";
const df = require("durable-functions");

const UNFINISHED = ["Pending", "Running", "Suspended"];
const DAY_MS = 86_400_000;
const { Completed, Failed, Running, Suspended, Terminated } = df.OrchestrationRuntimeStatus;

/** The binding that the Functions host gives a client, and the client as a function would get it. */
function clientOf(urls) {
    const input = df.input.durableClient();
    const binding = { taskHubName: "DacapoHub", creationUrls: {}, managementUrls: {}, ...urls };
    return df.getClient({ options: { extraInputs: [input] }, extraInputs: new Map([[input, binding]]) });
}

/** The client's three ways to find its server. */
function clientsOf(origin) {
    const webhooks = `${origin}/runtime/webhooks/durabletask`;
    const common = "taskHub=DacapoHub&connection=Storage&code=none";
    const instance = `${webhooks}/instances/INSTANCEID`;
    const managementUrls = {
        id: "INSTANCEID",
        statusQueryGetUri: `${instance}?${common}`,
        sendEventPostUri: `${instance}/raiseEvent/{eventName}?${common}`,
        terminatePostUri: `${instance}/terminate?reason={text}&${common}`,
        purgeHistoryDeleteUri: `${instance}?${common}`,
        rewindPostUri: `${instance}/rewind?reason={text}&${common}`,
        suspendPostUri: `${instance}/suspend?reason={text}&${common}`,
        resumePostUri: `${instance}/resume?reason={text}&${common}`,
    };
    const createNewInstancePostUri = `${webhooks}/orchestrators/{functionName}[/{instanceId}]?code=none`;
    return {
        webhooks: clientOf({ rpcBaseUrl: `${webhooks}/` }),
        local: clientOf({ rpcBaseUrl: `${origin}/durabletask/` }),
        templates: clientOf({ creationUrls: { createNewInstancePostUri }, managementUrls }),
    };
}

/** Waits, by long poll, until the status is as wanted. */
async function until(origin, id, isWanted) {
    for (let etag; ; ) {
        const headers = etag ? { prefer: "wait=60", "if-none-match": etag } : {};
        const answer = await fetch(`${origin}/runtime/webhooks/durabletask/instances/${id}`, { headers });
        if (answer.status === 304) continue;
        const status = await answer.json();
        if (isWanted(status)) return;
        assert.ok(UNFINISHED.includes(status.runtimeStatus), `${id} ended too early: ${JSON.stringify(status)}`);
        // Without an ETag the next answer would come at once.
        etag = answer.headers.get("etag") ?? assert.fail("a status has no ETag");
    }
}

const ended = (status) => !UNFINISHED.includes(status.runtimeStatus);
const waiting = (status) => status.customStatus === "waiting";

async function startsWithIdAndInput({ origin, client, prefix }) {
    const id = `${prefix}-steps`;
    assert.equal(await client.startNew("Steps", { instanceId: id, input: 3 }), id);
    await until(origin, id, ended);
    const status = await client.getStatus(id, { showInput: true });
    assert.equal(status.name, "Steps");
    assert.equal(status.instanceId, id);
    assert.equal(status.runtimeStatus, Completed);
    assert.equal(status.input, 3);
    assert.equal(status.output, 3);
    assert.ok(status.createdTime <= status.lastUpdatedTime && status.createdTime.getUTCFullYear() > 2000);
}

async function startsWithoutIdAndInput({ origin, client }) {
    const id = await client.startNew("hellocities");
    assert.match(id, /^[0-9a-f]{32}$/);
    await until(origin, id, ended);
    const status = await client.getStatus(id);
    assert.deepEqual(status.output, ["Hello Tokyo!", "Hello Seattle!", "Hello London!"]);
    assert.equal(status.customStatus, "London");
    assert.equal(status.input, "", "this client sends an empty text when there is no input");
}

async function waitsForTheEnd({ origin, client, prefix }) {
    const id = `${prefix}-failing`;
    await client.startNew("FailOnce", { instanceId: id });
    await until(origin, id, ended);
    const times = { timeoutInMilliseconds: 1, retryIntervalInMilliseconds: 1 };
    const completed = await client.waitForCompletionOrCreateCheckStatusResponse(undefined, `${prefix}-steps`, times);
    assert.equal(completed.status, 200);
    assert.equal(await completed.json(), 3);
    const failed = await client.waitForCompletionOrCreateCheckStatusResponse(undefined, id, times);
    assert.equal(failed.status, 500);
    const status = await failed.json();
    assert.equal(status.runtimeStatus, Failed);
    assert.match(status.output, /^Orchestrator function 'FailOnce' failed: Activity function 'BuyAtShop' failed: The shop opens in /);
}

async function raisesEvents({ origin, client, prefix }) {
    for (const [name, data] of [["object", { a: ["ü", 1] }], ["text", "Tokyo"], ["nothing", undefined]]) {
        const id = `${prefix}-event-${name}`;
        await client.startNew("Park", { instanceId: id });
        await until(origin, id, waiting);
        assert.equal((await client.getStatus(id)).runtimeStatus, Running);
        await client.raiseEvent(id, "go", data);
        await until(origin, id, ended);
        assert.deepEqual((await client.getStatus(id)).output, data ?? null);
        // It has ended: this client takes that for success.
        await client.raiseEvent(id, "Go", 1);
    }
    await assert.rejects(client.raiseEvent(`${prefix}-nobody`, "Go", 1), /No instance with ID .* found/);
}

async function terminates({ origin, client, prefix }) {
    for (const [name, reason, shown] of [["said", "enough of it", "enough of it"], ["unsaid", undefined, "undefined"]]) {
        const id = `${prefix}-stop-${name}`;
        await client.startNew("Park", { instanceId: id });
        await until(origin, id, waiting);
        await client.terminate(id, reason);
        await until(origin, id, ended);
        const status = await client.getStatus(id);
        assert.equal(status.runtimeStatus, Terminated);
        assert.equal(status.output, shown);
        assert.equal(status.customStatus, "waiting");
        await client.terminate(id, "again");
    }
    await assert.rejects(client.terminate(`${prefix}-nobody`, "x"), /No instance with ID .* found/);
}

async function suspendsAndResumes({ origin, client, prefix }) {
    const id = `${prefix}-held`;
    await client.startNew("Park", { instanceId: id });
    await until(origin, id, waiting);
    await client.suspend(id, "later");
    await until(origin, id, (status) => status.runtimeStatus === Suspended);
    await client.raiseEvent(id, "Go", 5);
    assert.equal((await client.getStatus(id)).runtimeStatus, Suspended);
    await client.resume(id, "now");
    await until(origin, id, ended);
    assert.equal((await client.getStatus(id, { showHistory: true, showHistoryOutput: true })).output, 5);
    await assert.rejects(client.suspend(`${prefix}-nobody`, "x"), /No instance with ID .* found/);
}

async function rewinds({ origin, client, prefix }) {
    const id = `${prefix}-failing`;
    // The shop is still closed: it fails again, at the same step.
    await client.rewind(id, "again");
    const wasRewound = async () => {
        const url = `${origin}/runtime/webhooks/durabletask/instances/${id}?showHistory=true`;
        const { historyEvents } = await (await fetch(url)).json();
        return historyEvents.some((event) => event.EventType === "ExecutionRewound");
    };
    await until(origin, id, (status) => status.runtimeStatus === Failed);
    while (!(await wasRewound())) {}
    await until(origin, id, ended);
    // This client makes its error of the whole reply, which is an object.
    await assert.rejects(client.rewind(`${prefix}-steps`, "x"));
    await assert.rejects(client.rewind(`${prefix}-nobody`, "x"));
}

async function saysWhatIsWrong({ client, prefix }) {
    await assert.rejects(client.startNew("NoSuchFlow"), /400.*The function 'NoSuchFlow' doesn't exist.*HelloCities/);
    await assert.rejects(client.startNew("Park", { instanceId: "@x" }), /400.*must not start with '@'/);
    await assert.rejects(client.getStatus(`${prefix}-nobody`), /404/);
    await client.startNew("Park", { instanceId: `${prefix}-taken` });
    await assert.rejects(client.startNew("Park", { instanceId: `${prefix}-taken` }), /409.*can be used again/);
}

async function lists({ origin, client, prefix }) {
    const ids = Array.from({ length: 120 }, (_, n) => `${prefix}-many-${n}`);
    for (const id of ids) await client.startNew("Trivial", { instanceId: id });
    for (const id of ids) await until(origin, id, ended);
    const all = (await client.getStatusAll()).map((status) => status.instanceId);
    assert.equal(new Set(all).size, all.length, "an instance was listed twice");
    for (const id of ids) assert.ok(all.includes(id), `${id} is missing, though this client follows all pages`);

    const { createdTime } = await client.getStatus(ids[0]);
    const later = new Date(createdTime.getTime() + DAY_MS);
    const by = async (filter) => (await client.getStatusBy(filter)).map((status) => status.instanceId);
    assert.ok((await by({ createdTimeFrom: createdTime })).includes(ids[0]));
    assert.deepEqual(await by({ createdTimeFrom: later }), []);
    assert.ok((await by({ createdTimeTo: later, runtimeStatus: [Completed] })).includes(ids[119]));
    const unfinished = await by({ runtimeStatus: [Running, Terminated] });
    assert.ok(unfinished.includes(`${prefix}-taken`) && unfinished.includes(`${prefix}-stop-said`));
    assert.ok(!unfinished.includes(ids[0]));
}

async function purges({ client, prefix }) {
    const id = `${prefix}-steps`;
    assert.deepEqual(await client.purgeInstanceHistory(id), { instancesDeleted: 1 });
    await assert.rejects(client.getStatus(id), /404/);
    assert.equal((await client.purgeInstanceHistory(id)).instancesDeleted, 0);
    await assert.rejects(client.purgeInstanceHistory(`${prefix}-taken`), /409.*terminate it first/);

    const { createdTime } = await client.getStatus(`${prefix}-taken`);
    const later = new Date(createdTime.getTime() + DAY_MS);
    assert.equal((await client.purgeInstanceHistoryBy({ createdTimeFrom: later })).instancesDeleted, 0);
    const filter = { createdTimeFrom: createdTime, createdTimeTo: later, runtimeStatus: [Terminated] };
    assert.equal((await client.purgeInstanceHistoryBy(filter)).instancesDeleted, 2);
    assert.ok((await client.purgeInstanceHistoryBy({ createdTimeFrom: createdTime })).instancesDeleted > 120);
    const left = (await client.getStatusAll()).map((status) => status.instanceId);
    assert.deepEqual(left, [`${prefix}-taken`], "what has not ended stays, and nothing else");
    await client.terminate(`${prefix}-taken`, "done");
}

const SCENARIOS = [
    startsWithIdAndInput,
    startsWithoutIdAndInput,
    waitsForTheEnd,
    raisesEvents,
    terminates,
    suspendsAndResumes,
    rewinds,
    saysWhatIsWrong,
    lists,
    purges,
];

async function main(origin) {
    for (const [prefix, client] of Object.entries(clientsOf(origin))) {
        for (const scenario of SCENARIOS) {
            try {
                await scenario({ origin, client, prefix });
            } catch (error) {
                throw new Error(`${prefix}: ${scenario.name}`, { cause: error });
            }
            console.log(`${prefix}: ${scenario.name}`);
        }
        await until(origin, `${prefix}-taken`, ended);
        assert.equal((await client.purgeInstanceHistory(`${prefix}-taken`)).instancesDeleted, 1);
    }
}

main(process.argv[2]).catch((error) => {
    console.error(error);
    process.exitCode = 1;
});
