#!/usr/bin/env node
// The build tool: `dacapo-js build [ENTRY] [-o FILE] [--wit DIR] [--world WORLD] [--engine ENGINE] [--small]`.
import { parseArgs } from "node:util";
import { build } from "../src/build/build.js";

const USAGE = `Builds a module for Dacapo.

Usage: dacapo-js build [ENTRY] [-o FILE] [--wit DIR] [--world WORLD] [--engine ENGINE] [--small]

  ENTRY           the JavaScript or TypeScript file to begin with; \`main\` of package.json, src/main.js or src/main.ts
  -o, --out FILE  the module to write; build/<name>.wasm, after the package, or after ENTRY where that is given
  --wit DIR       the folder of the contract, dacapo.wit
  --world WORLD   module (the default), orchestrator or activity
  --engine ENGINE quickjs, or starlingmonkey: larger, can await; "dacapo": { "engine": ... } of package.json, or quickjs
  --small         take the smaller build of quickjs: a quarter less to store, and slower to compute`;

try {
  const options = {
    out: { type: "string", short: "o" },
    wit: { type: "string" },
    world: { type: "string" },
    engine: { type: "string" },
    small: { type: "boolean" },
    help: { type: "boolean", short: "h" },
  };
  const { values, positionals } = parseArgs({ options, allowPositionals: true });
  const [command, entry, ...rest] = positionals;
  if (values.help) {
    console.log(USAGE);
  } else if (command !== "build" || rest.length > 0) {
    throw new Error(`There is no such command: dacapo-js ${positionals.join(" ")}\n\n${USAGE}`);
  } else {
    const { file, bytes, ms } = await build({ entry, ...values });
    console.log(`${file}  ${(bytes / 1024).toFixed(0)} KiB  ${(ms / 1000).toFixed(1)} s`);
  }
} catch (error) {
  console.error(`error: ${error.message}`);
  process.exitCode = 1;
}
