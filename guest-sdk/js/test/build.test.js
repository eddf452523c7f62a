// The build tool, from a source file to a component.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";

const sdk = fileURLToPath(new URL("..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "dacapo-js-"));
mkdirSync(join(folder, "node_modules"));
symlinkSync(sdk, join(folder, "node_modules", "dacapo"), "dir");
writeFileSync(join(folder, "package.json"), '{ "name": "@shop/greeter", "type": "module" }');
after(() => rmSync(folder, { recursive: true }));

const cli = (...args) =>
  spawnSync(process.execPath, [join(sdk, "bin", "dacapo-js.mjs"), ...args], { cwd: folder, encoding: "utf8" });
const write = (file, text) => {
  mkdirSync(join(folder, file, ".."), { recursive: true });
  writeFileSync(join(folder, file), text);
};

test("a module is written, named after its package", () => {
  write(
    "src/main.ts",
    'import { app } from "dacapo";\napp.activity("Greet", { handler: (name: string) => `Hello ${name}!` });\n',
  );
  const { status, stdout, stderr } = cli("build");
  assert.equal(status, 0, stderr);
  assert.match(stdout, /^build\/greeter\.wasm {2}\d+ KiB/);
  const magic = readFileSync(join(folder, "build", "greeter.wasm")).subarray(0, 8);
  assert.match(readFileSync(join(folder, "build", "greeter.bundle.js"), "utf8"), /Hello \$\{name\}/);
  assert.deepEqual([...magic], [0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0]);
});

test("a module can have one side of the contract only", () => {
  write("half.js", 'import { app } from "dacapo";\napp.activity("A", () => 1);\n');
  for (const [world, has, lacks] of [
    ["activity", "orchestration/activity-context@", "orchestration/context@"],
    ["orchestrator", "orchestration/context@", "orchestration/activity-context@"],
  ]) {
    const { status, stderr } = cli("build", "half.js", "--world", world, "-o", `${world}.wasm`);
    assert.equal(status, 0, stderr);
    const component = readFileSync(join(folder, `${world}.wasm`));
    assert.ok(component.includes(`dacapo:${has}`), world);
    assert.ok(!component.includes(`dacapo:${lacks}`), world);
  }
});

test("an entry can have any name", () => {
  write("module.js", 'import { app } from "dacapo";\napp.activity("A", () => "from module.js");\n');
  const { status, stderr } = cli("build", "module.js");
  assert.equal(status, 0, stderr);
  assert.match(readFileSync(join(folder, "build", "module.bundle.js"), "utf8"), /from module\.js/);
});

test("what is wrong with a build is said", () => {
  write("twice.js", 'import { app } from "dacapo";\napp.activity("A", () => 1);\napp.activity("a", () => 1);\n');
  write("file.js", 'import { readFileSync } from "node:fs";\nreadFileSync("a");\n');
  write("dynamic.js", 'const name = "node:fs";\nrequire(name);\n');
  write("async.js", 'import { app } from "dacapo";\napp.orchestration("Later", async () => 1);\n');
  for (const [args, message] of [
    [["build", "nowhere.js"], /^error: There is no file nowhere\.js in this folder\./],
    [["build", "--world", "moon"], /^error: There is no world moon: it can be module, orchestrator, activity\./],
    [["make"], /^error: There is no such command: dacapo-js make/],
    [["build", "twice.js"], /The activity a is registered twice/],
    [["build", "async.js"], /Orchestrator Later is an async function/],
    [["build", "--engine", "v8"], /^error: There is no engine v8: it can be quickjs, starlingmonkey\./],
    [["build", "file.js"], /^error: file\.js:1: "node:fs" cannot be imported: there is no Node\.js in a module/],
    [["build", "dynamic.js"], /"node:fs" cannot be loaded while a module runs: it has neither Node\.js nor files/],
  ]) {
    const { status, stderr } = cli(...args);
    assert.equal(status, 1, args.join(" "));
    assert.match(stderr, message);
  }
});

test("StarlingMonkey is asked for what the host does not give, and is installed by the project", () => {
  write("later.js", 'import { app } from "dacapo";\napp.orchestration("Later", async () => 1);\n');
  const missing = cli("build", "later.js", "--engine", "starlingmonkey");
  assert.equal(missing.status, 1);
  assert.match(missing.stderr, /npm install --save-dev @bytecodealliance\/componentize-js@0\.23\.0 \S+@0\.25\.0\n$/);

  // Stands in for the package, which is large, and writes what it was asked for.
  const home = "project/node_modules/@bytecodealliance/componentize-js";
  write(`${home}/package.json`, '{ "type": "module", "exports": { "import": "./main.js" } }');
  write(
    `${home}/main.js`,
    `export async function componentize(options) {
      if (options.worldName === "activity") throw new Error("Failed to initialize component (a tool):\\nRangeError");
      return { component: new TextEncoder().encode(JSON.stringify(options)) };
    }`,
  );
  write("project/package.json", '{ "main": "main.js", "type": "module", "dacapo": { "engine": "starlingmonkey" } }');
  write("project/main.js", 'import "../later.js";\n');
  const cwd = join(folder, "project");
  const build = (...args) =>
    spawnSync(process.execPath, [join(sdk, "bin", "dacapo-js.mjs"), "build", ...args], { cwd, encoding: "utf8" });
  const { status, stderr } = build("-o", "out.wasm");
  assert.equal(status, 0, stderr);
  const asked = JSON.parse(readFileSync(join(cwd, "out.wasm"), "utf8"));
  assert.equal(asked.sourcePath, join(cwd, "out.bundle.js"));
  assert.equal(asked.worldName, "module");
  assert.deepEqual(asked.disableFeatures, ["http", "fetch-event"]);
  assert.match(readFileSync(asked.sourcePath, "utf8"), /"StarlingMonkey"/);
  assert.match(build("--world", "activity").stderr, /^error: The module cannot be loaded:\nRangeError\n$/);
  assert.match(build("--small").stderr, /^error: There is no smaller build of StarlingMonkey/);
});
