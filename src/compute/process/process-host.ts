/**
 * Who owns the processes of instances: starts them, keeps their output, ends them. The engine decides, the host does;
 * a host may live in another process than its engine, and then instances outlive an engine that is killed.
 */

/** How a program ended. */
export interface Exit {
  readonly code: number | null;
  readonly signal: string | null;
}

/** What to start. */
export interface ProcessLaunch {
  /** Unique among what the host runs: an instance's id. */
  readonly id: string;
  readonly argv: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** The working folder; the process id is kept in it too, so that a later host can end what this one left. */
  readonly folder: string;
  /** Where stdout and stderr go, in a file of bounded size (InstanceLog). */
  readonly log: { readonly path: string; readonly maxBytes: number };
  /** JSON that the host keeps with the process and does not read: what an engine needs to take it over. */
  readonly note: object;
}

/** A process that runs, or has ended and was not forgotten yet. */
export interface HostedProcess {
  readonly id: string;
  readonly pid: number;
  readonly note: object;
  /** Resolves as soon as the program has ended. */
  readonly ended: Promise<Exit>;
  /** Resolves when the program has ended, its group is gone and its last output is in the log. */
  readonly exited: Promise<Exit>;
  /** Replaces the note. */
  annotate(note: object): void;
  /** SIGTERM to the program as a container gets it, then after `graceMs` SIGKILL to the whole group. Idempotent. */
  stop(graceMs: number): Promise<Exit>;
  /** Nobody will take this process over: called once it has ended. */
  forget(): void;
}

export interface ProcessHost {
  /** Rejects with what a user can read when the program can not be started at all. */
  start(launch: ProcessLaunch): Promise<HostedProcess>;
  /** What runs, and what ended since and was not forgotten: an engine that starts takes these over. */
  processes(): readonly HostedProcess[];
}
