// From a source file to a component: check the types, bundle, componentize.
import { mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { componentize } from "componentize-qjs";
import { bundle } from "./bundle.js";
import { plan } from "./plan.js";
import { checkTypes } from "./types.js";

/** Builds, and says what was written: its path, its size in bytes and how long it took in milliseconds. */
export async function build(options) {
  const began = performance.now();
  const { entry, out, wit, world, root, small } = await plan(options);
  checkTypes(entry, root);
  const jsSource = await bundle(entry, world);
  // Kept beside the component: it is what the lines in a stack are those of.
  const jsPath = out.replace(/(\.wasm)?$/, ".bundle.js");
  const moduleRoot = dirname(jsPath);
  await mkdir(moduleRoot, { recursive: true });
  await writeFile(jsPath, jsSource);
  const engine = { sync: true, optSize: small };
  const { component } = await componentize({ witPath: wit, jsSource, jsPath, moduleRoot, world, ...engine });
  await writeFile(out, component);
  return { file: out, bytes: component.length, ms: performance.now() - began };
}
