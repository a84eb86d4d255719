import type { Signer } from "../../src/cli/sign-request.ts";

/** What the load generator is asked, and what it answers. */
export interface Measurement {
  readonly url: string;
  /** Taken in turn, so that no cache of anybody's learns a single one by heart. */
  readonly bodies: readonly (string | Uint8Array)[];
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Requests are not signed without it. */
  readonly signer?: Signer;
  readonly connections: number;
  /** Most requests in a second, of all connections together; as many as are answered without it. */
  readonly perSecond?: number;
  readonly milliseconds: number;
  /** Whose CPU time is counted. */
  readonly pids: readonly number[];
}

export interface Measured {
  readonly requests: number;
  /** Answers other than 200, and 202. */
  readonly errors: number;
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  readonly cpuMicrosecondsPerRequest: number;
  /** What the generator itself used: with as many cores as this takes, it is not what limits the rate. */
  readonly generatorMicrosecondsPerRequest: number;
}
