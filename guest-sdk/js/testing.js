// Plays orchestrators in node, without a server: `import { play, held } from "dacapo/testing"`.
export { held } from "./src/testing/calls.js";
export { play } from "./src/testing/run.js";
