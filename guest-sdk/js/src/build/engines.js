// The engines that a module can be made with.
import * as quickjs from "./quickjs.js";
import * as starlingmonkey from "./starlingmonkey.js";

/** By name: how to make a component from one file of JavaScript. */
export const ENGINES = { quickjs, starlingmonkey };
