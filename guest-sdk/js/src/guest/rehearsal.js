// A flow that is played while the module is built, for nobody: what the engine sets up when something is used for the first
// time lies in the module then, and not once more in the memory of each instance, of which it would be a tenth.
import { begin } from "../flow.js";
import { failing } from "./failing.js";

const flow = {
  name: "Rehearsal",
  *handler({ df }) {
    df.setCustomStatus({ input: df.getInput(), list: [1, "x"] });
    yield df.waitForExternalEvent("Cue");
  },
};

/** A host as far as that flow asks. */
const nobody = { getInput: () => "{}", setCustomStatus() {}, waitForEvent: () => ({ watch() {}, outcome: () => "null" }) };

/** To its end, past the wait where instances are parked. */
export function rehearse() {
  failing(nobody, () => {
    const play = begin(nobody, flow, { inside: (go) => go() });
    play.next();
    return play.next(0).value;
  });
}
