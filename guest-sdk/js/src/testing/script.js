// What a test says about the world of a flow, made ready for the host.

export function settings({ input, instanceId = "test", startTime = 0, buffered, ...script }) {
  return {
    input: text(input),
    instanceId,
    startMs: startTime instanceof Date ? startTime.getTime() : startTime,
    activities: byName(script.activities),
    orchestrators: byName(script.orchestrators),
    buffered: buffered ?? (script.events ?? []).map(({ name, data }) => ({ name, data: text(data) })),
  };
}

/** JSON text; `undefined` is `null`. */
export function text(value) {
  return JSON.stringify(value) ?? "null";
}

function byName(scripts = {}) {
  return new Map(Object.entries(scripts).map(([name, script]) => [name.toLowerCase(), asScript(name, script)]));
}

function asScript(name, script) {
  if (typeof script === "function") return script;
  throw new TypeError(`The script of ${name} has to be a function, as in (input) => "a result".`);
}
