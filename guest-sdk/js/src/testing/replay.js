// Plays a flow again, as the server does after a crash: it has to ask for the same things in the same order.
import { begin } from "../flow.js";
import { Host } from "./host.js";
import { world } from "./world.js";

/** `answers` are those of the first play; `commands` is what it asked for. A procedure for `proceed`. */
export function* replay(entry, settings, answers, commands) {
  // Events come as answers only, whoever took them.
  const host = new Host({ ...settings, buffered: [] });
  host.replaying = true;
  try {
    const flow = begin(host, entry, world(entry));
    let step = yield flow.next();
    for (const { number, now, outcome } of answers) {
      if (step.done) break;
      host.now = now;
      step = yield flow.next(host.force(number, outcome));
    }
  } catch {
    // How it fails was seen at the first play; here it is about what it asked for.
  }
  const length = Math.max(commands.length, host.commands.length);
  for (let n = 0; n < length; n += 1) {
    if (commands[n] === host.commands[n]) continue;
    throw new Error(
      `${entry.name} does something else when it is played again: command ${n} was ${commands[n] ?? "not there"}, ` +
        `and now it is ${host.commands[n] ?? "not there"}. ` +
        "A flow may depend on its input, its tasks and context.df only.",
    );
  }
}
