// What to build, from where, and to where.
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, dirname, extname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { ENGINES } from "./engines.js";

const WORLDS = ["module", "orchestrator", "activity"];

export async function plan({ entry, out, wit, world = "module", small = false, engine }) {
  if (!WORLDS.includes(world)) throw new Error(`There is no world ${world}: it can be ${WORLDS.join(", ")}.`);
  const root = process.cwd();
  const given = await readPackage(root);
  const chosen = engine ?? given.dacapo?.engine ?? "quickjs";
  if (!Object.hasOwn(ENGINES, chosen)) {
    throw new Error(`There is no engine ${chosen}: it can be ${Object.keys(ENGINES).join(", ")}.`);
  }
  const source = entry ?? given.main ?? ["src/main.js", "src/main.ts"].find((path) => existsSync(join(root, path)));
  if (!source)
    throw new Error("There is nothing to build: name a file, or give package.json a `main`, or write src/main.js.");
  if (!existsSync(resolve(root, source))) throw new Error(`There is no file ${source} in this folder.`);
  const name = entry
    ? basename(entry, extname(entry))
    : (given.name?.replace(/^@[^/]*\//, "") ?? basename(source, extname(source)));
  return {
    root,
    world,
    small,
    engine: chosen,
    entry: resolve(root, source),
    out: out ?? join("build", `${name}.wasm`),
    wit: wit ?? contract(),
  };
}

async function readPackage(root) {
  const path = join(root, "package.json");
  return existsSync(path) ? JSON.parse(await readFile(path, "utf8")) : {};
}

function contract() {
  const sdk = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
  const places = [join(sdk, "..", "..", "wit"), join(sdk, "wit")];
  const found = places.find((place) => existsSync(join(place, "dacapo.wit")));
  if (!found) throw new Error("The contract dacapo.wit is missing: say with --wit in which folder it is.");
  return found;
}
