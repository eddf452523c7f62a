// What a module imports: `import { app, df } from "dacapo"`, or `import * as df from "dacapo"`.
export * from "./src/api.js";
export * as df from "./src/api.js";
