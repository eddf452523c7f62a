// The engine that runs this code. In a module, what is imported first says which one it is.

export const engine = {
  name: "Node.js",
  /** Whether flows can `await`. */
  canAwait: true,
  /** In a module, and where flows can `await`: runs a function, and is done when no promise has anything left to do. */
  settle: undefined,
};
