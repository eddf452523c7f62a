// What the module has to offer, by name; callers may ignore case.
import { Failure } from "./failure.js";

class Registry {
  #what;
  #entries = new Map();

  constructor(what) {
    this.#what = what;
  }

  add(name, entry) {
    const twin = this.#entries.get(name.toLowerCase());
    if (twin) {
      throw new Error(
        `The ${this.#what} ${name} is registered twice` +
          (twin.name === name ? "" : `, as ${twin.name} before, and case does not count`) +
          ": each name can be given once.",
      );
    }
    this.#entries.set(name.toLowerCase(), { name, ...entry });
  }

  names() {
    return [...this.#entries.values()].map(({ name }) => name);
  }

  find(name) {
    return this.#entries.get(name.toLowerCase());
  }

  get(name) {
    const entry = this.find(name);
    if (entry) return entry;
    const existing = this.names().join(", ") || "none at all";
    throw new Failure("not-found", `This module has no ${this.#what} ${name}; it has ${existing}.`);
  }
}

export const orchestrators = new Registry("orchestrator");
export const activities = new Registry("activity");
