// Procedures that can be played at once, or in the course of time where something in them is a promise.

/**
 * Runs a generator that yields whatever it would await. Returns its result; or a promise of it, from the first promise
 * that it yields.
 */
export function proceed(procedure, resume = () => procedure.next()) {
  let step = resume();
  while (!step.done) {
    if (step.value instanceof Promise) return later(procedure, step.value);
    step = procedure.next(step.value);
  }
  return step.value;
}

function later(procedure, promise) {
  return promise.then(
    (value) => proceed(procedure, () => procedure.next(value)),
    (error) => proceed(procedure, () => procedure.throw(error)),
  );
}
