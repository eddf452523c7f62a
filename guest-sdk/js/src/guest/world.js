// The world of an orchestrator, without clock, chance and network.
import { takeWorld } from "../sandbox.js";

/** The orchestrator that is played; empty before. */
export const playing = {};

/**
 * Taken for all flows while the module is built: what that costs lies in the module then, and not once more in the
 * memory of each instance. An activity gets it back.
 */
export const giveBack = takeWorld(playing);
