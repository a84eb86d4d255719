/** What the load generator is asked, and what it answers. */
export interface Measurement {
  readonly url: string;
  /** Taken in turn, so that no cache of anybody's learns a single one by heart. */
  readonly bodies: readonly string[];
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly signer: {
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly region: string;
  };
  readonly connections: number;
  readonly milliseconds: number;
  /** Whose CPU time is counted. */
  readonly pids: readonly number[];
}

export interface Measured {
  readonly requests: number;
  /** Answers other than 200. */
  readonly errors: number;
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  readonly cpuMicrosecondsPerRequest: number;
}
