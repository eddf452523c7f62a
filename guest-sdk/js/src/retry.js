// Durable retries: each wait is a timer in the history.

export class RetryOptions {
  constructor(firstRetryIntervalInMilliseconds, maxNumberOfAttempts) {
    this.firstRetryIntervalInMilliseconds = firstRetryIntervalInMilliseconds;
    this.maxNumberOfAttempts = maxNumberOfAttempts;
    this.backoffCoefficient = 1;
    this.maxRetryIntervalInMilliseconds = undefined;
    this.retryTimeoutInMilliseconds = undefined;
    this.unlessKinds = [];
  }
}

/** The contract's record; `where` names the call in messages. */
export function toPolicy(options, where) {
  if (typeof options !== "object" || options === null) {
    throw new TypeError(`${where}: the retry options have to be a RetryOptions, as in new RetryOptions(1000, 3).`);
  }
  const { backoffCoefficient: backoff = 1, unlessKinds = [] } = options;
  const attempts = options.maxNumberOfAttempts;
  if (!Number.isInteger(attempts) || attempts < 1) {
    throw new RangeError(`${where}: maxNumberOfAttempts has to be a whole number from 1, and not ${attempts}.`);
  }
  if (!Number.isFinite(backoff) || backoff < 1) {
    throw new RangeError(`${where}: backoffCoefficient has to be a number from 1, and not ${backoff}.`);
  }
  if (!Array.isArray(unlessKinds) || unlessKinds.some((kind) => typeof kind !== "string")) {
    throw new TypeError(`${where}: unlessKinds has to be a list of strings, such as ["card-declined"].`);
  }
  return {
    maxAttempts: attempts,
    firstDelayMs: wholeMs(options.firstRetryIntervalInMilliseconds, `${where}: firstRetryIntervalInMilliseconds`),
    backoff,
    maxDelayMs: optionalMs(options.maxRetryIntervalInMilliseconds, `${where}: maxRetryIntervalInMilliseconds`),
    giveUpAfterMs: optionalMs(options.retryTimeoutInMilliseconds, `${where}: retryTimeoutInMilliseconds`),
    unlessKinds,
  };
}

/** Milliseconds, rounded up: a wait never ends early. */
export function wholeMs(ms, what) {
  if (typeof ms !== "number" || !(ms >= 0)) {
    throw new RangeError(`${what} has to be a number of milliseconds from 0, and not ${String(ms)}.`);
  }
  return Math.min(Math.ceil(ms), Number.MAX_SAFE_INTEGER);
}

export function optionalMs(ms, what) {
  return ms == null ? null : wholeMs(ms, what);
}
