// The types of the test kit.
import type { ActivityContext, AsyncHandler, OrchestrationHandler } from "./index.js";

/** What a script returns to stay in flight, until the test completes or fails it. */
export declare const held: unique symbol;

type About = Pick<ActivityContext, "instanceId" | "idempotencyKey" | "attempt">;
type Script = (input: any, about: About) => unknown;

export interface PlayScript {
  input?: unknown;
  /** `test` unless said otherwise. */
  instanceId?: string;
  /** When it starts: a date, or milliseconds since 1970; 0 unless said otherwise. */
  startTime?: Date | number;
  /** What activities return; one that is registered and not scripted runs itself. Attempts are made without waits. */
  activities?: Record<string, Script>;
  /** What children return. */
  orchestrators?: Record<string, Script>;
  /** Events that have arrived before it starts. */
  events?: { name: string; data?: unknown }[];
  /** Whether it is played again after each step, and has to ask for the same; true unless said otherwise. */
  replay?: boolean;
}

export interface Call {
  name: string;
  input: any;
  options: any;
  /** How many attempts there were. */
  attempt: number;
}

/** One execution, at rest: it waits for what only the test can do, or has ended. */
export interface Run {
  readonly statuses: any[];
  readonly status: any;
  readonly isDone: boolean;
  readonly output: any;
  readonly failure: { kind: string; message: string; details?: any } | undefined;
  readonly calls: Call[];
  /** One line for each command, such as `SayHello("Tokyo")`, `timer 60000` or `wait Approval`. */
  readonly commands: string[];
  /** The commands that it waits for now. */
  readonly waitingFor: string[];
  /** Events for other instances. */
  readonly raised: { instanceId: string; name: string; data: any }[];
  readonly logs: { level: "debug" | "info" | "warn" | "error"; message: string }[];
  readonly now: Date;
  readonly continuedAsNew: { input: any; keepEvents: boolean } | undefined;

  raise(name: string, data?: unknown): Run;
  /** Lets time pass, in milliseconds; timers fire in their order, each at its own time. */
  advance(ms: number): Run;
  /** Lets time pass up to the next timer. */
  fireTimer(): Run;
  /** Ends the oldest held call of `name` with a result. */
  complete(name: string, result?: unknown): Run;
  /** Ends the oldest held call of `name` with an error. */
  fail(name: string, error: Error): Run;
  /** The next execution, after a continue-as-new. */
  next(): Run;

  /** The next custom status that no other call has looked at. */
  expectStatus(expected: unknown): Run;
  expectWaitingFor(...commands: string[]): Run;
  expectOutput(expected: unknown): Run;
  expectFailure(expected?: { kind?: string; message?: string | RegExp }): Run;
  expectContinuedAsNew(input: unknown): Run;
}

type Verb =
  | "raise" | "advance" | "fireTimer" | "complete" | "fail" | "next"
  | "expectStatus" | "expectWaitingFor" | "expectOutput" | "expectFailure" | "expectContinuedAsNew";

type Later = { [K in Verb]: (...args: Parameters<Run[K]>) => RunLater };

/** A run of an async orchestrator: what is asked of it is done in order, and `await` gives the run at rest. */
export interface RunLater extends Later, PromiseLike<Run> {}

/**
 * Plays an orchestrator, by its registered name or as a function, until it waits for what only the test can do.
 * That of an async one has to be awaited: `await play("HelloCities").expectOutput([])`.
 */
export declare function play(orchestrator: AsyncHandler, script?: PlayScript): RunLater;
export declare function play(orchestrator: string | OrchestrationHandler, script?: PlayScript): Run;
