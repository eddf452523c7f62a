// Drives one play of an async function: let it run until it waits for tasks only, wait for one, and hand its outcome back.
import { encode } from "./encode.js";
import { Failure } from "./failure.js";

/** Streams and the like take some rounds of the engine's own; what takes more comes from somewhere else. */
const ROUNDS_OF_THE_ENGINE = 100;

/**
 * As `drive`, as an async generator. `output` is the promise of the orchestrator; `settle(go)` runs `go` and is done
 * when nothing but the host can make the flow go on.
 */
export async function* driveAsync(output, name, waits, settle) {
  let end;
  output.then(
    (value) => (end = { value }),
    (error) => (end = { error }),
  );
  let last = "its start";
  let go = () => {};
  for (;;) {
    await settle(go);
    for (let round = 0; !end && waits.isEmpty; round += 1) {
      if (round === ROUNDS_OF_THE_ENGINE) throw strayAwait(name, last);
      await settle(() => {});
    }
    if (end) break;
    let task;
    while (!task) task = waits.answered(yield waits.parked());
    last = task.label;
    go = () => task.take();
  }
  if ("error" in end) throw end.error;
  return encode(end.value, `the output of orchestrator ${name}`, "output");
}

function strayAwait(name, last) {
  return new Failure(
    "invalid-await",
    `Orchestrator ${name} awaits something that nothing will end: after ${last} it waits for a promise that is not of ` +
      "context.df. Await what the calls of context.df return: createTimer(...) to let time pass, " +
      "waitForExternalEvent(...) to be told, callHttp(...) or an activity for everything outside.",
  );
}
