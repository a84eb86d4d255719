import { spawn } from "node:child_process";

import { sleep, type Clock } from "../../base/clock.ts";
import type { InstanceLog } from "./instance-log.ts";
import { startTimeOf } from "./process-stat.ts";

/**
 * Runs a program so that it can not outlive the engine: a watcher in its process group holds the other end of the
 * engine's pipe and kills the group when that closes, however the engine ended. The program keeps the shell's pid.
 */
const GUARDED = [
  "-c",
  'exec 3<&0; (cat >/dev/null; kill -KILL 0) <&3 >/dev/null 2>&1 3<&- & exec 3<&-; exec "$@"',
  "tideway-instance",
];

/** How a program ended. */
export interface Exit {
  readonly code: number | null;
  readonly signal: string | null;
}

/** One run of an instance's program, with its process group. */
export interface Child {
  readonly pid: number;
  /** The kernel's start time, which tells this process from a later one with the same pid. */
  readonly startTime: string | undefined;
  /** Resolves when the program has ended, its group is gone and its last output is in the log. */
  readonly exited: Promise<Exit>;
  /** Resolves as soon as the program has ended. */
  readonly ended: Promise<Exit>;
  /** SIGTERM to the program as a container gets it, then after `graceMs` SIGKILL to the whole group. */
  stop(graceMs: number): Promise<Exit>;
}

/** Starts a program; rejects when it can not be started at all. */
export async function startChild(
  program: {
    argv: readonly string[];
    environment: Readonly<Record<string, string>>;
    folder: string;
  },
  log: InstanceLog,
  clock: Clock,
): Promise<Child> {
  const child = spawn("/bin/sh", [...GUARDED, ...program.argv], {
    cwd: program.folder,
    env: program.environment,
    stdio: ["pipe", "pipe", "pipe"],
    detached: true,
  });
  child.stdin.on("error", () => {});
  const started = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<Exit>();
  child.once("spawn", started.resolve);
  child.once("error", started.reject);
  child.once("exit", (code, signal) => ended.resolve({ code, signal }));
  const recorded = Promise.all([log.record(child.stdout), log.record(child.stderr)]);
  await started.promise;
  const pid = child.pid!;

  const exited = (async () => {
    const exit = await ended.promise;
    killGroup(pid);
    child.stdin.destroy();
    // A program that left the group may hold the pipes open: its output is not waited for.
    await Promise.race([recorded, sleep(clock, 1000)]);
    child.stdout.destroy();
    child.stderr.destroy();
    return exit;
  })();

  return {
    pid,
    startTime: startTimeOf(pid),
    exited,
    ended: ended.promise,
    async stop(graceMs) {
      child.kill("SIGTERM");
      const cancel = clock.after(graceMs, () => killGroup(pid));
      const exit = await exited;
      cancel();
      return exit;
    },
  };
}

/** SIGKILL to a process group; that it is gone already is fine. */
export function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** "exited with code 1", "was ended by SIGSEGV". */
export function describeExit(exit: Exit): string {
  return exit.signal ? `was ended by ${exit.signal}` : `exited with code ${exit.code}`;
}
