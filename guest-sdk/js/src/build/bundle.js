// One file of JavaScript from a module, the SDK and whatever else it imports.
import { basename, dirname } from "node:path";
import { build } from "esbuild";

const EXPORTS = { module: "module", orchestrator: "orchestrators", activity: "activities" };

export async function bundle(entry, world) {
  // In this order: the console has to be there before the module's own code runs.
  const contents = [
    'import "dacapo/guest/console";',
    `import ${JSON.stringify(`./${basename(entry)}`)};`,
    `export * from "dacapo/guest/${EXPORTS[world]}";`,
  ].join("\n");
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: dirname(entry), sourcefile: "module.js" },
    bundle: true,
    write: false,
    format: "esm",
    target: "es2023",
    platform: "neutral",
    mainFields: ["module", "main"],
    external: ["dacapo:*"],
    // Names are what stacks and messages consist of.
    keepNames: true,
  });
  return outputFiles[0].text;
}
