// What an async flow waits for: its `await`s of tasks that are not done yet.

export class Waits {
  #open = [];

  /** `reject` ends the `await` when the task can no more be waited for. */
  add(task, reject) {
    this.#open.push({ task, reject });
  }

  /** What the host has to be asked for, in the order of the code; empty while the flow has something else to do. */
  leaves() {
    const leaves = new Set();
    const open = this.#open.filter(({ task }) => !task.isCompleted);
    this.#open = open.filter((wait) => collect(wait, leaves));
    return this.#open.length === open.length ? [...leaves] : [];
  }
}

function collect({ task, reject }, leaves) {
  try {
    task.openLeaves(leaves);
    return true;
  } catch (error) {
    reject(error);
    return false;
  }
}
