import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";

import type { Clock } from "../../base/clock.ts";
import type { Mark } from "../../base/instance-channel.ts";
import type { Log } from "../../base/log.ts";
import { startChild, type Child } from "./child.ts";
import { forgetProcess, killLeftovers, rememberProcess } from "./leftovers.ts";
import { LogWriter } from "./log-writer.ts";
import type { Assignment, End, Exit, HostedProcess, ProcessHost, ProcessLaunch } from "./process-host.ts";

export interface LocalProcessHostOptions {
  /** Where the folders of processes are: `<dir>/<any>/<any>`. One host at a time. */
  readonly dir: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Between SIGTERM and SIGKILL when the host is closed. */
  readonly graceMs?: number;
}

const GRACE_MS = 30_000;
/** sockaddr_un holds 104 bytes on macOS and 108 on Linux, with the closing NUL. */
const LONGEST_SOCKET_PATH = 103;

/**
 * Runs processes as children of this one. Ends what an earlier host on the same folder left running; none outlives this
 * one, however it ends. Disposing of it stops them all.
 */
export function openLocalProcessHost(options: LocalProcessHostOptions): ProcessHost & AsyncDisposable {
  return new LocalProcessHost(options);
}

class LocalProcessHost implements ProcessHost, AsyncDisposable {
  readonly runDir: string;
  readonly #clock: Clock;
  readonly #graceMs: number;
  readonly #processes = new Map<string, LocalProcess>();
  #closed = false;

  constructor({ dir, clock, log, graceMs }: LocalProcessHostOptions) {
    mkdirSync(dir, { recursive: true, mode: 0o750 });
    const killed = killLeftovers(dir);
    if (killed.length) log.warn("Ended processes that an earlier run left behind.", { pids: killed });
    this.runDir = runFolder(dir);
    this.#clock = clock;
    this.#graceMs = graceMs ?? GRACE_MS;
  }

  /** A process is listed before this first awaits: an engine that is killed meanwhile leaves none that is not known. */
  async start(launch: ProcessLaunch): Promise<HostedProcess> {
    if (this.#closed) throw new Error("The server is stopping: nothing is started any more.");
    const known = this.#processes.get(launch.id);
    if (known && !known.exit) throw new Error(`The process ${launch.id} runs already, as ${known.pid}.`);
    const log = new LogWriter(launch.log.path, launch.log.maxBytes);
    try {
      const child = startChild(launch, log, this.#clock);
      if (child instanceof Promise) return await child;
      const started: LocalProcess = new LocalProcess(launch, child, log, () => {
        if (this.#processes.get(launch.id) === started) this.#processes.delete(launch.id);
      });
      this.#processes.set(launch.id, started);
      await started.remember();
      return started;
    } catch (error) {
      log[Symbol.dispose]();
      throw error;
    }
  }

  processes(): readonly HostedProcess[] {
    return [...this.#processes.values()];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#processes.values()].map((process) => process.stop(this.#graceMs)));
    rmSync(this.runDir, { recursive: true, force: true });
  }
}

class LocalProcess implements HostedProcess {
  readonly id: string;
  readonly pid: number;
  readonly ended: Promise<Exit>;
  readonly exited: Promise<End>;
  readonly forget: () => void;
  readonly #folder: string;
  readonly #child: Child;
  readonly #log: LogWriter;
  #note: object;
  #exit: Exit | undefined;

  constructor({ id, folder, note }: ProcessLaunch, child: Child, log: LogWriter, forget: () => void) {
    this.id = id;
    this.pid = child.pid;
    this.forget = forget;
    this.#folder = folder;
    this.#child = child;
    this.#log = log;
    this.#note = note;
    this.ended = child.ended.then((exit) => (this.#exit = exit));
    this.exited = child.exited.then((exit) => {
      forgetProcess(folder);
      log[Symbol.dispose]();
      return { ...exit, logTail: log.tail() };
    });
  }

  get note(): object {
    return this.#note;
  }
  get exit(): Exit | undefined {
    return this.#exit;
  }

  /** So that a later host can end it. A process that can not be noted down is ended. */
  async remember(): Promise<void> {
    try {
      rememberProcess(this.#folder, this.pid);
    } catch (error) {
      await this.stop(0);
      this.forget();
      throw error;
    }
  }

  get mark(): Mark | undefined {
    return this.#child.marks.last;
  }

  reached(mark: Mark): Promise<void> {
    return this.#child.marks.reached(mark);
  }

  annotate(note: object): void {
    this.#note = note;
  }

  assign({ work, log, note }: Assignment): void {
    this.#note = note;
    this.#log.moveTo(log.path, log.maxBytes);
    this.#child.tell(work);
  }

  async stop(graceMs: number): Promise<End> {
    if (!this.#exit) await this.#child.stop(graceMs);
    return this.exited;
  }
}

/** A new folder for sockets. Its name is kept in `dir`, so that the next host removes it when this one is killed. */
function runFolder(dir: string): string {
  const note = join(dir, ".sockets");
  try {
    const left = readFileSync(note, "utf8");
    if (/^tideway-[\w]{6}$/.test(basename(left))) rmSync(left, { recursive: true, force: true });
  } catch {
    // There was no host here before.
  }
  const longest = `${tmpdir()}/tideway-abcdef/0123456789ab/s`;
  const folder = mkdtempSync(
    `${Buffer.byteLength(longest) > LONGEST_SOCKET_PATH ? "/tmp" : tmpdir()}/tideway-`,
  );
  writeFileSync(note, folder, { mode: 0o600 });
  return folder;
}
