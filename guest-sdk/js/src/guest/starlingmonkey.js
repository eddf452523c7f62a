// What a module begins with whose engine is StarlingMonkey.
import { engine } from "../engine.js";
import "./console.js";

const nothing = new Blob(["."]);

/**
 * The engine reads a blob only after it has run all that promises have to do, and needs no clock and no poll for it,
 * as a timer would. A reading takes some 3 KiB, which the engine does not collect before an instance has reached the
 * memory that servers allow by default.
 */
async function settle(go) {
  go();
  await nothing.stream().getReader().read();
}

Object.assign(engine, { name: "StarlingMonkey", canAwait: true, settle });
