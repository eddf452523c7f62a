// The world as a flow under test sees it: without clock, chance and network, and given back as soon as it waits.
import { takeWorld } from "../sandbox.js";

// The world that is taken away has no setImmediate.
const { setImmediate } = globalThis;

let users = 0;
let giveBack;

/** How `begin` runs the code of this orchestrator. */
export function world(entry) {
  return {
    inside(go) {
      const back = take(entry);
      try {
        return go();
      } finally {
        back();
      }
    },

    /** Node.js gets to what it was asked to do immediately when no promise has anything left to do. */
    async settle(go) {
      const back = take(entry);
      try {
        go();
        await new Promise((resolve) => setImmediate(resolve));
      } finally {
        back();
      }
    },
  };
}

/** Async flows that are played side by side share one taking, since it cannot be undone in any order. */
function take(entry) {
  users += 1;
  if (users === 1) giveBack = takeWorld(entry);
  return () => {
    users -= 1;
    if (users === 0) giveBack();
  };
}
