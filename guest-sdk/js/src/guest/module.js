// What a module of world `module` exports.
export { activities } from "./activities.js";
export { orchestrators } from "./orchestrators.js";
