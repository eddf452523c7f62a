// Type errors end a build, where TypeScript is installed and the package has a tsconfig.json.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";

export function checkTypes(entry, root) {
  if (!/\.[mc]?ts$/.test(entry) || !existsSync(join(root, "tsconfig.json"))) return;
  const tsc = compiler(root);
  if (!tsc) return;
  const { status } = spawnSync(process.execPath, [tsc, "--noEmit", "-p", root], { stdio: "inherit" });
  if (status !== 0) throw new Error("The types are wrong; see above.");
}

/** The compiler that is installed in this folder, or in one around it. */
function compiler(folder) {
  const tsc = join(folder, "node_modules", "typescript", "bin", "tsc");
  if (existsSync(tsc)) return tsc;
  const around = dirname(folder);
  return around === folder ? undefined : compiler(around);
}
