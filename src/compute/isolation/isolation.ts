import { createHash } from "node:crypto";
import { existsSync, mkdirSync } from "node:fs";
import { rm } from "node:fs/promises";
import { constants, homedir } from "node:os";
import { join } from "node:path";

import type { Clock } from "../../base/clock.ts";
import type { Log } from "../../base/log.ts";
import { findExecutable, LaunchError } from "../process/executable.ts";
import type { Exit } from "../process/process-host.ts";
import { bubblewrapArguments, bubblewrapFault, computeDevices } from "./bubblewrap.ts";
import { Cgroup, type CgroupHome, findCgroupHome, removeCgroupHome, sweepCgroups } from "./cgroups.ts";
import { type Excess, excessSentence, type Limits, limitsOf } from "./limits.ts";
import { isServerProcess, processTree } from "./process-tree.ts";
import { pathsIn, withoutSecrets } from "./readable-files.ts";
import { watchUsage } from "./watchdog.ts";

/** Whether instances run in a sandbox: never, where it works, or else the server does not start. */
export type SandboxMode = "none" | "auto" | "required";

/** How well instances are kept apart on this machine. */
export interface IsolationLevel {
  readonly memory: "cgroup v2" | "cgroup v1" | "watchdog" | "none";
  readonly sandbox: "bubblewrap" | "none";
  /** Why there is no sandbox. */
  readonly why?: string;
}

export interface IsolationOptions {
  readonly sandbox: SandboxMode;
  /** The server's data folder, of which a program sees its own model only. */
  readonly dataDir: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Smaller limits than those of the instance types. */
  readonly limits?: Partial<Limits>;
  /** Whether cgroups may be used where they can be. */
  readonly cgroups?: boolean;
}

/** A program that is about to start. */
export interface ConfinedProgram {
  /** The instance's id. */
  readonly id: string;
  readonly instanceType: string;
  readonly argv: readonly string[];
  /** Its working folder. In a sandbox it sees a folder of its own there, which starts empty but for `ml`. */
  readonly folder: string;
  readonly modelDir: string;
  /** What it needs to read besides, if that shows nothing of the server's or of the user's own. */
  readonly readable: readonly string[];
  /** What of the server's own folder it may read. */
  readonly shown: readonly string[];
  readonly writable: readonly string[];
  /** It listens on a port of the machine's loopback interface. */
  readonly onPort: boolean;
}

/** The limits of one run of an instance. */
export interface Confinement extends AsyncDisposable {
  /** The command line that sets them and becomes the program. */
  readonly argv: readonly string[];
  /** To be called with the process that was started. */
  watch(pid: number): void;
  /** Looks no more, and leaves the limits of the program that runs on. */
  leave(): void;
  /** A sentence, if the program came to a limit. */
  readonly excess: string | undefined;
}

/** Keeps instances from harming each other, the server and the machine. */
export interface Isolation extends AsyncDisposable {
  readonly level: IsolationLevel;
  confine(program: ConfinedProgram): Promise<Confinement>;
  /** Gives a program that runs already the limits of another instance type, which are to be watched again. */
  resize(program: { readonly id: string; readonly instanceType: string }): Confinement;
  /** The limits of a program that runs already, started by an engine before this one. */
  adopt(instance: { readonly id: string; readonly instanceType: string; readonly pid: number }): Confinement;
  /** Ends and removes what a server that was killed left, but for these instances. */
  sweep(keep: ReadonlySet<string>): Promise<void>;
}

/** Finds out what this machine offers. Throws an Error with a sentence where a sandbox is required and does not work. */
export async function openIsolation(options: IsolationOptions): Promise<Isolation> {
  const { sandbox, dataDir, env, log, cgroups = true } = options;
  const bubblewrap = await findSandbox(sandbox, env["PATH"]);
  const fault = "fault" in bubblewrap ? bubblewrap.fault : undefined;
  if (fault !== undefined && sandbox === "auto")
    log.warn("Instances run without a sandbox, with the rights of the server's user.", { why: fault });
  const home = cgroups ? cgroupHome(dataDir) : undefined;
  return new ProcessIsolation(options, home, "path" in bubblewrap ? bubblewrap.path : undefined, {
    memory: home ? `cgroup v${home.version}` : existsSync("/proc/self/status") ? "watchdog" : "none",
    sandbox: fault === undefined ? "bubblewrap" : "none",
    ...(fault !== undefined && { why: fault }),
  });
}

/** Removes the cgroups of a server whose instances have ended: what was left for an engine that did not come. */
export async function removeCgroups(dataDir: string, clock: Clock): Promise<void> {
  const home = cgroupHome(dataDir);
  if (!home) return;
  await sweepCgroups(home, new Set(), clock);
  removeCgroupHome(home);
}

function cgroupHome(dataDir: string): CgroupHome | undefined {
  const name = `tideway-${createHash("sha256").update(dataDir).digest("hex").slice(0, 12)}`;
  return findCgroupHome(name, isServerProcess);
}

/** bubblewrap's own program, or why it is not used. Throws an Error with a sentence where a sandbox is required and does not work. */
export async function findSandbox(
  mode: SandboxMode,
  path: string | undefined,
): Promise<{ readonly path: string } | { readonly fault: string }> {
  if (mode === "none") return { fault: "it is turned off" };
  const found = await findBubblewrap(path);
  if ("fault" in found && mode === "required")
    throw new Error(
      `A sandbox is required (--sandbox required), but ${found.fault}. Install bubblewrap and allow user namespaces, or take --sandbox auto.`,
    );
  return found;
}

async function findBubblewrap(
  path: string | undefined,
): Promise<{ readonly path: string } | { readonly fault: string }> {
  let found: string;
  try {
    found = findExecutable("bwrap", path ?? "");
  } catch {
    return { fault: "bubblewrap is not installed" };
  }
  const fault = await bubblewrapFault(found);
  return fault === undefined ? { path: found } : { fault };
}

class ProcessIsolation implements Isolation {
  readonly level: IsolationLevel;
  readonly #options: IsolationOptions;
  readonly #home: CgroupHome | undefined;
  readonly #bubblewrap: string | undefined;
  readonly #devices = computeDevices();
  readonly #toldOfPorts = new Set<string>();

  constructor(
    options: IsolationOptions,
    home: CgroupHome | undefined,
    bubblewrap: string | undefined,
    level: IsolationLevel,
  ) {
    this.#options = options;
    this.#home = home;
    this.#bubblewrap = bubblewrap;
    this.level = level;
  }

  async confine(program: ConfinedProgram): Promise<Confinement> {
    if (program.onPort && this.#options.sandbox === "required")
      throw new LaunchError(
        "The program listens on a port, for which it would share the machine's network, but a sandbox is required " +
          "(--sandbox required). Let it listen on a unix socket, and name that {socket} in its command.",
      );
    const limits = limitsOf(program.instanceType, this.#options.limits);
    const cgroup = this.#home && new Cgroup(this.#home, program.id);
    const join = cgroup ? await cgroup.make(limits, this.#options.clock) : [];
    const sandbox = this.#bubblewrap ? await this.#sandbox(this.#bubblewrap, program, limits) : [];
    return this.#confinement([...join, ...sandbox, ...program.argv], limits, program.instanceType, cgroup);
  }

  resize({ id, instanceType }: { id: string; instanceType: string }): Confinement {
    const limits = limitsOf(instanceType, this.#options.limits);
    const cgroup = this.#home && new Cgroup(this.#home, id);
    cgroup?.limit(limits);
    return this.#confinement([], limits, instanceType, cgroup);
  }

  adopt({ id, instanceType, pid }: { id: string; instanceType: string; pid: number }): Confinement {
    const limits = limitsOf(instanceType, this.#options.limits);
    const cgroup = this.#home && new Cgroup(this.#home, id);
    const confinement = this.#confinement([], limits, instanceType, cgroup);
    confinement.watch(pid);
    return confinement;
  }

  async sweep(keep: ReadonlySet<string>): Promise<void> {
    if (!this.#home) return;
    const swept = await sweepCgroups(this.#home, keep, this.#options.clock);
    if (swept.length) this.#options.log.info("Removed cgroups that an earlier run left behind.", { swept });
  }

  [Symbol.asyncDispose](): Promise<void> {
    if (this.#home) removeCgroupHome(this.#home);
    return Promise.resolve();
  }

  #confinement(
    argv: readonly string[],
    limits: Limits,
    instanceType: string,
    cgroup: Cgroup | undefined,
  ): Confinement {
    const { clock } = this.#options;
    let found: Excess | undefined;
    let stop = () => {};
    return {
      argv,
      watch(pid) {
        if (cgroup) return;
        stop = watchUsage(pid, limits, clock, (excess) => {
          found = excess;
          killTree(pid, limits);
        });
      },
      get excess() {
        const excess = found ?? cgroup?.exceeded;
        return excess && excessSentence(excess, limits, instanceType);
      },
      leave: () => stop(),
      async [Symbol.asyncDispose]() {
        stop();
        await cgroup?.remove(clock);
      },
    };
  }

  /** The sandbox's command line; makes the folders on disk that the program may write to, empty. */
  async #sandbox(bubblewrap: string, program: ConfinedProgram, limits: Limits): Promise<string[]> {
    const { id, folder, modelDir, onPort } = program;
    const { env, dataDir, log } = this.#options;
    if (onPort && !this.#toldOfPorts.has(id)) {
      this.#toldOfPorts.add(id);
      log.warn(
        "The program listens on a port, so it shares the machine's network. With {socket} in its command it would have none.",
        { instance: id },
      );
    }
    const own = join(folder, "sandbox");
    await rm(own, { recursive: true, force: true });
    const made = (name: string) => {
      mkdirSync(join(own, name), { recursive: true, mode: 0o700 });
      return join(own, name);
    };
    const homes = [homedir(), env["HOME"] ?? homedir()];
    return [
      bubblewrap,
      ...bubblewrapArguments({
        home: { at: folder, from: made("home") },
        temporary: made("tmp"),
        sharedMemory: this.#home ? undefined : made("shm"),
        modelDir,
        readable: [
          ...program.shown,
          ...withoutSecrets(
            [
              ...program.readable,
              ...["LD_LIBRARY_PATH", "CUDA_HOME", "TIDEWAY_SANDBOX_READ"].flatMap((name) =>
                pathsIn(env[name]),
              ),
            ],
            { holders: homes, inside: [dataDir] },
          ),
        ],
        writable: [join(folder, "ml"), ...program.writable],
        devices: this.#devices,
        network: onPort ? "host" : "none",
        processes: this.#home?.pids === undefined && process.getuid?.() !== 0 ? limits.processes : undefined,
      }),
    ];
  }
}

/** What became of a program in the sandbox: bubblewrap tells a signal as a shell does, by a code above 128. */
export function sandboxExit(exit: Exit): Exit {
  const signal = Object.entries(constants.signals).find(([, number]) => number + 128 === exit.code)?.[0];
  return signal === undefined ? exit : { code: null, signal };
}

/** SIGKILL to a process, its group and its descendants; what ended meanwhile is fine. */
function killTree(pid: number, { processes }: Limits): void {
  const tree = processTree(pid, 2 * processes);
  for (const one of [-pid, ...tree])
    try {
      process.kill(one, "SIGKILL");
    } catch {
      // It ended in this moment.
    }
}
