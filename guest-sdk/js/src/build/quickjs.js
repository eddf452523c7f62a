// Makes components with QuickJS, which comes with this SDK.
import { componentize } from "componentize-qjs";

/** `source` is the text of the file at `path`, in `folder`. */
export async function makeComponent({ source, path, folder, wit, world, small }) {
  const { component } = await componentize({
    jsSource: source,
    jsPath: path,
    moduleRoot: folder,
    witPath: wit,
    world,
    sync: true,
    optSize: small,
  });
  return component;
}
