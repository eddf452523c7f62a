// Makes components with StarlingMonkey, which a project installs itself: it is large, and few need it.
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const PACKAGE = "@bytecodealliance/componentize-js";

/** With a package that it asks for as an optional peer, and needs: by a lockfile, npm would leave it out. */
const INSTALL = `npm install --save-dev ${PACKAGE}@0.23.0 @bytecodealliance/preview2-shim@0.25.0`;

/** An orchestrator cannot send requests, nor is a module called by HTTP: their imports would be in vain. */
const WITHOUT = ["http", "fetch-event"];

export async function makeComponent({ path, wit, world, root, small }) {
  if (small) throw new Error("There is no smaller build of StarlingMonkey: --small goes with --engine quickjs.");
  const { componentize } = await import(await installed(root));
  try {
    const options = { sourcePath: resolve(path), witPath: resolve(wit), worldName: world, disableFeatures: WITHOUT };
    const { component } = await componentize(options);
    return component;
  } catch (error) {
    throw new Error(readable(error.message), { cause: error });
  }
}

/** The package's entry: that of the project, or of a folder around it. */
async function installed(root) {
  for (let folder = root; ; folder = dirname(folder)) {
    const home = join(folder, "node_modules", PACKAGE);
    if (existsSync(home)) {
      const { exports } = JSON.parse(await readFile(join(home, "package.json"), "utf8"));
      return pathToFileURL(join(home, exports.import)).href;
    }
    if (dirname(folder) === folder) break;
  }
  throw new Error(
    "The engine StarlingMonkey is not installed in this project (it takes 385 MB): " +
      INSTALL,
  );
}

/** Leaves out which tool has failed; what it says about the source stays. */
function readable(message) {
  return message.replace(/^Failed to initialize component \(.*\):\n/, "The module cannot be loaded:\n").trim();
}
