/**
 * Who owns the processes of instances: starts them, keeps their output, ends them. The engine decides, the host does;
 * a host may live in another process than its engine, and then instances outlive an engine that is killed.
 */
import type { Mark } from "../../base/instance-channel.ts";

/** How a program ended. */
export interface Exit {
  readonly code: number | null;
  readonly signal: string | null;
}

/** How a program ended, once nothing of it is left. */
export interface End extends Exit {
  /** The last lines that this run printed, oldest first. */
  readonly logTail: readonly string[];
}

/** What to start. */
export interface ProcessLaunch {
  /** Unique among what the host runs: an instance's id. */
  readonly id: string;
  readonly argv: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** The working folder; the process id is kept in it too, so that a later host can end what this one left. */
  readonly folder: string;
  /** Where stdout and stderr go, in files of bounded size (LogWriter). */
  readonly log: { readonly path: string; readonly maxBytes: number };
  /** JSON that the host keeps with the process and does not read: what an engine needs to take it over. */
  readonly note: object;
  /** Whether the program has a channel to its host (base/instance-channel.ts). */
  readonly channel?: boolean;
}

/**
 * What a program that waits is told, and how its host goes on with it: both together, so that an engine that is killed
 * meanwhile leaves nothing half done.
 */
export interface Assignment {
  /** JSON for the program. */
  readonly work: object;
  /** In place of those that it was started with. */
  readonly log: ProcessLaunch["log"];
  readonly note: object;
}

/** A process that runs, or has ended and was not forgotten yet. */
export interface HostedProcess {
  readonly id: string;
  readonly pid: number;
  readonly note: object;
  /** Set as soon as the program has ended. */
  readonly exit: Exit | undefined;
  /** Resolves as soon as the program has ended. Rejects, as `exited` does, when the host can not be asked any more. */
  readonly ended: Promise<Exit>;
  /** Resolves when the program has ended, its group is gone and its last output is in the log. */
  readonly exited: Promise<End>;
  /** What it said last on its channel, to this host. */
  readonly mark: Mark | undefined;
  /** Resolves as soon as it said so. */
  reached(mark: Mark): Promise<void>;
  /** Replaces the note. */
  annotate(note: object): void;
  /** Tells a program that waits its work. */
  assign(assignment: Assignment): void;
  /** SIGTERM to the program as a container gets it, then after `graceMs` SIGKILL to the whole group. Idempotent. */
  stop(graceMs: number): Promise<End>;
  /** Nobody will take this process over: called once it has ended. */
  forget(): void;
}

export interface ProcessHost {
  /** A folder for sockets: of a short path, entered by this user only, and there as long as the host. */
  readonly runDir: string;
  /** Rejects with what a user can read when the program can not be started at all. */
  start(launch: ProcessLaunch): Promise<HostedProcess>;
  /** What runs, and what ended since and was not forgotten: an engine that starts takes these over. */
  processes(): readonly HostedProcess[];
}

/** "exited with code 1", "was ended by SIGSEGV". */
export function describeExit(exit: Exit): string {
  return exit.signal ? `was ended by ${exit.signal}` : `exited with code ${exit.code}`;
}
