// From a source file to a component: check the types, bundle, componentize.
import { mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { bundle } from "./bundle.js";
import { ENGINES } from "./engines.js";
import { plan } from "./plan.js";
import { checkTypes } from "./types.js";

/** Builds, and says what was written: its path, its size in bytes and how long it took in milliseconds. */
export async function build(options) {
  const began = performance.now();
  const { entry, out, wit, world, root, small, engine } = await plan(options);
  checkTypes(entry, root);
  const source = await bundle(entry, world, engine);
  // Kept beside the component: it is what the lines in a stack are those of.
  const path = out.replace(/(\.wasm)?$/, ".bundle.js");
  const folder = dirname(path);
  await mkdir(folder, { recursive: true });
  await writeFile(path, source);
  const component = await ENGINES[engine].makeComponent({ source, path, folder, wit, world, root, small });
  await writeFile(out, component);
  return { file: out, bytes: component.length, ms: performance.now() - began };
}
