import { type ChildProcess, type ChildProcessByStdio, spawn } from "node:child_process";
import type { Duplex, Readable, Writable } from "node:stream";

import { sleep, type Clock } from "../../base/clock.ts";
import { MARKS } from "../../base/instance-channel.ts";
import { programOf } from "../isolation/process-tree.ts";
import type { LogWriter } from "./log-writer.ts";
import { Marks } from "./marks.ts";
import type { Exit } from "./process-host.ts";

/**
 * Runs a program so that it can not outlive the host: a watcher in its process group holds the other end of the
 * host's pipe and kills the group when that closes, however the host ended. The program keeps the shell's pid.
 */
const GUARDED = [
  "-c",
  'exec 9<&0; (cat >/dev/null; kill -KILL 0) <&9 >/dev/null 2>&1 3<&- 9<&- & exec 9<&-; exec "$@"',
  "tideway-instance",
];

/** One run of a program, with its process group. */
export interface Child {
  readonly pid: number;
  /** Resolves as soon as the program has ended. */
  readonly ended: Promise<Exit>;
  /** Resolves when the program has ended, its group is gone and its last output is in the log. */
  readonly exited: Promise<Exit>;
  /** What it said on its channel. */
  readonly marks: Marks;
  /** Writes to its channel, once. */
  tell(work: object): void;
  /** SIGTERM to the program as a container gets it, then after `graceMs` SIGKILL to the whole group. */
  stop(graceMs: number): Promise<Exit>;
}

/** Starts a program. What can not be started at all has no pid: the promise says why. */
export function startChild(
  program: {
    readonly argv: readonly string[];
    readonly environment: Readonly<Record<string, string>>;
    readonly folder: string;
    readonly channel?: boolean;
  },
  log: LogWriter,
  clock: Clock,
): Child | Promise<never> {
  const child = spawn("/bin/sh", [...GUARDED, ...program.argv], {
    cwd: program.folder,
    env: program.environment,
    stdio: ["pipe", "pipe", "pipe", ...(program.channel ? (["pipe"] as const) : [])],
    detached: true,
  }) as ChildProcessByStdio<Writable, Readable, Readable>;
  const { pid } = child;
  if (pid === undefined) return new Promise((_, reject) => child.once("error", reject));
  child.on("error", () => {});
  child.stdin.on("error", () => {});
  const marks = new Marks();
  const channel = child.stdio[3] as Duplex | null | undefined;
  channel?.on("error", () => {});
  channel?.on("data", (said: Buffer) => {
    for (const letter of said.toString("latin1")) if (isMark(letter)) marks.reach(MARKS[letter]);
  });
  const ended = new Promise<Exit>((resolve) =>
    child.once("exit", (code, signal) => resolve({ code, signal })),
  );
  const recorded = Promise.all([log.record(child.stdout), log.record(child.stderr)]);

  const exited = (async () => {
    const exit = await ended;
    killGroup(pid);
    child.stdin.destroy();
    // A program that left the group may hold the pipes open: its output is not waited for.
    await Promise.race([recorded, sleep(clock, 1000)]);
    child.stdout.destroy();
    child.stderr.destroy();
    channel?.destroy();
    return exit;
  })();

  return {
    pid,
    ended,
    exited,
    marks,
    tell: (work) => void channel?.end(JSON.stringify(work)),
    async stop(graceMs) {
      terminate(child);
      const cancel = clock.after(graceMs, () => killGroup(pid));
      const exit = await exited;
      cancel();
      return exit;
    },
  };
}

const isMark = (letter: string): letter is keyof typeof MARKS => Object.hasOwn(MARKS, letter);

/** SIGTERM to the program itself, inside a sandbox, too. */
function terminate(child: ChildProcess): void {
  const program = child.pid === undefined ? undefined : programOf(child.pid);
  if (program === undefined || program === child.pid) return void child.kill("SIGTERM");
  try {
    process.kill(program, "SIGTERM");
  } catch {
    // It ended in this moment, and its sandbox with it.
  }
}

/** SIGKILL to a process group; that it is gone already is fine. */
function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
