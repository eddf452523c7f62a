// The public names of the SDK; index.js gives them out twice, alone and as `df`.
export { app } from "./app.js";
export { Failure } from "./failure.js";
export { RetryOptions } from "./retry.js";
