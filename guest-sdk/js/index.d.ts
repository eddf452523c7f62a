// The types of the SDK, by the names of Durable Functions where there are such.

/**
 * How a value is read: `Number`, `Boolean`, `String`, `Array`, `Object`, or a function that returns the value as it is
 * to be used, or throws. With a shape, a value that arrives quoted once too often is unquoted first.
 */
export type Shape<T> = (value: unknown) => T;

/** Something in flight. Its command was issued by the call that returned it; `yield` and `await` only wait. */
export interface Task<T = any> extends Pick<Promise<T>, "then" | "catch" | "finally"> {
  /** Whether it was done before the flow went on last, be it that the flow waited for it or not. */
  readonly isCompleted: boolean;
  /** Whether it has failed; `error` says why. */
  readonly isFaulted: boolean;
  /** What it gave; undefined until it is completed, and when it has failed. */
  readonly result: T | undefined;
  readonly error: Failure | undefined;
  /** `const value = yield* task` waits as `yield task` does, and has the type of the result. */
  [Symbol.iterator](): Generator<Task<T>, T, any>;
}

/** A task of the host's, which one can stop waiting for. */
export interface CancellableTask<T = any> extends Task<T> {
  readonly isCanceled: boolean;
  /**
   * Stops waiting: a timer is disarmed, an event stays for the next wait, the result of an activity is ignored.
   * Throws if the flow has seen that the task has completed; a second time it does nothing.
   */
  cancel(): void;
}

/** A task of several, done with the one that is done first. */
export interface AnyTask<T extends Task = Task> extends Omit<Task<T>, "then"> {
  /** `await` gives the task itself, which a promise would wait for: it is shown without its `then`. */
  then<A = Winner<T>, B = never>(
    onFulfilled?: ((winner: Winner<T>) => A | PromiseLike<A>) | null,
    onRejected?: ((error: any) => B | PromiseLike<B>) | null,
  ): Promise<A | B>;
}

type Winner<T> = T extends Task ? Omit<T, "then"> : never;

export type TimerTask = CancellableTask<null>;

/** Durable retries: each wait is a timer in the history. */
export class RetryOptions {
  /** The wait before the second attempt, in milliseconds; and attempts in all, the first one included. */
  constructor(firstRetryIntervalInMilliseconds: number, maxNumberOfAttempts: number);
  firstRetryIntervalInMilliseconds: number;
  maxNumberOfAttempts: number;
  /** The factor from one wait to the next; 1 unless said otherwise, and at least that. */
  backoffCoefficient: number;
  /** The longest wait, in milliseconds. */
  maxRetryIntervalInMilliseconds?: number;
  /** No attempt starts later than this after the first one, in milliseconds. */
  retryTimeoutInMilliseconds?: number;
  /** Failures of these kinds are final at once. */
  unlessKinds: string[];
}

/** Why something did not succeed. Throw one to fail with a kind that callers can match on. */
export class Failure extends Error {
  constructor(kind: string, message: string, details?: unknown);
  /** A short stable name, such as `timeout` or one of your own. */
  readonly kind: string;
  /** Anything more, as JSON; without it, a failure carries the stack. */
  readonly details?: any;
}

/** A line in the host's log; silent while replaying. */
export interface Logger {
  (...parts: unknown[]): void;
  trace(...parts: unknown[]): void;
  debug(...parts: unknown[]): void;
  info(...parts: unknown[]): void;
  warn(...parts: unknown[]): void;
  error(...parts: unknown[]): void;
}

export interface ActivityOptions {
  /** Past it an attempt fails with kind `timeout`, in milliseconds. */
  timeoutInMilliseconds?: number;
}

export interface HttpRequest {
  /** `GET` unless said otherwise. */
  method?: string;
  url: string;
  /** A text is sent as it is, anything else as JSON. */
  body?: unknown;
  headers?: Record<string, string>;
  /** Whether a reply of 202 with a `Location` is asked after until it is done; true unless said otherwise. */
  enablePolling?: boolean;
}

export interface HttpResponse {
  statusCode: number;
  headers: Record<string, string>;
  content: string;
}

type Results<T extends readonly Task[]> = {
  -readonly [I in keyof T]: T[I] extends { [Symbol.iterator](): Generator<any, infer R, any> } ? R : never;
};

export interface Combinators {
  /** All results, in the order of the list; or the first failure, as soon as there is one. */
  all<const T extends readonly Task[]>(tasks: T): Task<Results<T>>;
  /** The task that is done first, be it well or not. The others stay in flight. */
  any<const T extends readonly Task[]>(tasks: T): AnyTask<T[number]>;
}

/** What an orchestrator may ask of its host: it has no other clock, chance, network or file. */
export interface DurableOrchestrationContext {
  readonly instanceId: string;
  /** Whether this turn has been played before. For logs; a flow that decides by it cannot be replayed. */
  readonly isReplaying: boolean;
  /** The time of the turn; the same on replay. It moves only when the flow waits. */
  readonly currentUtcDateTime: Date;
  readonly Task: Combinators;

  /** The input of this execution; `null` when it was started with none. */
  getInput<T = any>(shape?: Shape<T>): T;
  /** A new id each time, and the same ones on replay. */
  newGuid(): string;

  /** Runs an activity, at least once; its result is recorded once. */
  callActivity<T = any>(name: string, input?: unknown, options?: ActivityOptions): CancellableTask<T>;
  callActivityWithRetry<T = any>(
    name: string,
    retryOptions: RetryOptions,
    input?: unknown,
    options?: ActivityOptions,
  ): CancellableTask<T>;
  /** Sends a request, by the host's own activity `Http`. */
  callHttp(request: HttpRequest): CancellableTask<HttpResponse>;

  /** Starts another orchestrator and waits for its output. Without an id it gets one derived from the parent's. */
  callSubOrchestrator<T = any>(name: string, input?: unknown, instanceId?: string): CancellableTask<T>;
  callSubOrchestratorWithRetry<T = any>(
    name: string,
    retryOptions: RetryOptions,
    input?: unknown,
    instanceId?: string,
  ): CancellableTask<T>;
  /** Starts another orchestrator and does not wait: the task gives its instance id as soon as that exists. */
  startSubOrchestrator(name: string, input?: unknown, instanceId?: string): CancellableTask<string>;

  /** Fires at a time, or after a delay in milliseconds. */
  createTimer(fireAt: Date | number): TimerTask;
  /** Events are kept by name, ignoring case, until they are waited for; first come, first served. */
  waitForExternalEvent<T = any>(name: string, shape?: Shape<T>): CancellableTask<T>;
  /** Sends an event to another instance, exactly once. */
  raiseEvent(instanceId: string, name: string, data?: unknown): void;

  /** Publishes progress: visible when this turn ends, the last one wins. Throws a `Failure` when it is too large. */
  setCustomStatus(value: unknown): void;
  /** Begins the next execution with this input, once the orchestrator returns; what it returns is not used. */
  continueAsNew(input: unknown, keepEvents?: boolean): void;
}

export interface OrchestrationContext {
  readonly df: DurableOrchestrationContext;
  readonly functionName: string;
  readonly log: Logger;
}

/** What an activity may know about the call. */
export interface ActivityContext {
  readonly functionName: string;
  /** The instance that called. */
  readonly instanceId: string;
  /** The same for every attempt and every re-run of this call; different for any other call. */
  readonly idempotencyKey: string;
  /** 1 for the first attempt. */
  readonly attempt: number;
  readonly log: Logger;
  /** Shown in the status of the instance while the activity runs; not durable. */
  reportProgress(value: unknown): void;
}

/** A `function*` that yields tasks. */
export type GeneratorHandler = (context: OrchestrationContext) => Generator<Task, any, any>;

/** An async function that awaits tasks and nothing else; built with the engine StarlingMonkey only. */
export type AsyncHandler = (context: OrchestrationContext) => Promise<any>;

export type OrchestrationHandler = GeneratorHandler | AsyncHandler;

export type ActivityHandler<T = any> = (input: T, context: ActivityContext) => unknown;

export declare const app: {
  /**
   * Adds an orchestrator. Throws when there is one of this name, in any case, or when the function is async and the
   * engine cannot wait for it.
   */
  orchestration(name: string, handler: OrchestrationHandler | { handler: OrchestrationHandler }): void;
  /** Adds an activity. `input` is the shape of what it is given. */
  activity<T = any>(
    name: string,
    options: ActivityHandler<T> | { handler: ActivityHandler<T>; input?: Shape<T> },
  ): void;
};

export * as df from "./index.js";
