// One run for the host: its log gets what the code prints, and whatever is thrown becomes the contract's failure.
import { toHost } from "../failure.js";
import { logger } from "../log.js";
import { printTo } from "./console.js";

export function failing(host, run) {
  printTo(logger(host));
  try {
    const result = run();
    return result instanceof Promise ? result.catch(fail) : result;
  } catch (thrown) {
    return fail(thrown);
  }
}

function fail(thrown) {
  throw toHost(thrown);
}
