// One file of JavaScript from a module, the SDK and whatever else it imports.
import { builtinModules } from "node:module";
import { basename, dirname } from "node:path";
import { build, formatMessages } from "esbuild";

const EXPORTS = { module: "module", orchestrator: "orchestrators", activity: "activities" };

export async function bundle(entry, world, engine) {
  // In this order: engine and console have to be there before the module's own code runs.
  const contents = [
    `import "dacapo/guest/${engine}";`,
    `import ${JSON.stringify(`./${basename(entry)}`)};`,
    `export * from "dacapo/guest/${EXPORTS[world]}";`,
  ].join("\n");
  const options = {
    // Not the name of any file, which would be taken for this one.
    stdin: { contents, resolveDir: dirname(entry), sourcefile: "<dacapo>" },
    bundle: true,
    write: false,
    format: "esm",
    target: "es2023",
    platform: "neutral",
    mainFields: ["module", "main"],
    external: ["dacapo:*"],
    // Names are what stacks and messages consist of.
    keepNames: true,
    // Messages are shown here, and in an error.
    logLevel: "silent",
    // One engine traps where a module is to be loaded that is not there: it becomes a `require`, which throws.
    supported: { "dynamic-import": false },
  };
  const { outputFiles, warnings } = await build(options).catch((error) => {
    throw nodeMissing(error) ?? error;
  });
  for (const text of await formatMessages(warnings, { kind: "warning" })) console.error(text);
  return outputFiles[0].text.replace(NO_REQUIRE, `throw ${NO_LOADING}`);
}

/** What the bundler puts in the place of a `require` that it cannot resolve, with the name in `x`. */
const NO_REQUIRE = `throw Error('Dynamic require of "' + x + '" is not supported')`;

const NO_LOADING =
  `Object.assign(new Error('"' + x + '" cannot be loaded while a module runs: it has neither Node.js nor files. ` +
  "Import what it needs at the top of its source, and give it data as input or by an activity.'), { kind: \"forbidden\" })";

/** The bundler would advise to build for Node.js. */
function nodeMissing({ errors = [] }) {
  for (const { text, location } of errors) {
    const [, name] = /^Could not resolve "(.+)"$/.exec(text) ?? [];
    if (name === undefined || !(name.startsWith("node:") || builtinModules.includes(name))) continue;
    const where = location ? `${location.file}:${location.line}: ` : "";
    return new Error(
      `${where}"${name}" cannot be imported: there is no Node.js in a module, and there are no files. ` +
        "Give it data as input or by an activity; for requests there is context.df.callHttp.",
    );
  }
  return undefined;
}
