import { mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";

import { sleep, type Clock } from "../../base/clock.ts";
import type { Excess, Limits } from "./limits.ts";

/** Where the server may make cgroups: a folder for each controller; one for all of them in version 2. */
export interface CgroupHome {
  readonly version: 1 | 2;
  readonly memory: string;
  readonly pids: string | undefined;
}

const SERVER_LEAF = "tideway-server";
/** Put before a program: joins the cgroups whose files it is given, then becomes the program, under the same pid. */
const JOIN = [
  "/bin/sh",
  "-c",
  'while [ "$1" != -- ]; do echo $$ >"$1" || exit 125; shift; done; shift; exec "$@"',
  "tideway-instance",
];
const REMOVAL_TRIES = 100;
const REMOVAL_PAUSE_MS = 10;

/** Finds where this process may limit others, by trying it; undefined where it may not. `root` stands for `/` in tests. */
export function findCgroupHome(
  name: string,
  isOurs: (pid: number) => boolean,
  root = "/",
): CgroupHome | undefined {
  const own = read(join(root, "proc/self/cgroup")).split("\n");
  const pathOf = (test: (controllers: string[], id: string) => boolean) => {
    for (const line of own) {
      const [id = "", controllers = "", ...path] = line.split(":");
      if (test(controllers.split(","), id)) return path.join(":");
    }
    return undefined;
  };
  const mounts = read(join(root, "proc/self/mountinfo")).split("\n").map(parseMount);
  const folder = (controller: string) => {
    const mount = mounts.find((one) => one?.type === "cgroup" && one.options.includes(controller));
    const path = pathOf((controllers) => controllers.includes(controller));
    return mount && path !== undefined ? join(root, mount.at, below(path, mount.root)) : undefined;
  };

  const memory = folder("memory");
  if (memory !== undefined) {
    const home = made(memory, name, ["memory.limit_in_bytes", "memory.oom_control"]);
    const pids = folder("pids");
    return home === undefined
      ? undefined
      : {
          version: 1,
          memory: home,
          pids: pids === undefined ? undefined : made(pids, name, ["cgroup.procs"]),
        };
  }
  const mount = mounts.find((one) => one?.type === "cgroup2");
  const path = pathOf((_, id) => id === "0");
  if (!mount || path === undefined) return undefined;
  const found = join(root, mount.at, below(path, mount.root));
  // A control that is started again is in the leaf already.
  const unified = basename(found) === SERVER_LEAF ? dirname(found) : found;
  if (!delegated(unified, isOurs)) return undefined;
  const home = made(unified, name, ["memory.max", "cgroup.procs"]);
  if (home === undefined || !enable(home)) return undefined;
  return { version: 2, memory: home, pids: home };
}

/** The limits of one run of an instance, kept by the kernel. */
export class Cgroup {
  readonly #home: CgroupHome;
  readonly #folders: readonly string[];
  readonly #memory: string;
  readonly #pids: string | undefined;

  constructor(home: CgroupHome, name: string) {
    this.#home = home;
    this.#memory = join(home.memory, name);
    this.#pids = home.pids && join(home.pids, name);
    this.#folders = [...new Set([this.#memory, ...(this.#pids ? [this.#pids] : [])])];
  }

  /** Makes the cgroup; one of the same name with all that runs in it goes first. Returns what to put before the program. */
  async make({ memoryMiB, processes }: Limits, clock: Clock): Promise<readonly string[]> {
    await this.remove(clock);
    for (const folder of this.#folders) mkdirSync(folder);
    this.limit({ memoryMiB, processes });
    return [...JOIN, ...this.#folders.map((folder) => join(folder, "cgroup.procs")), "--"];
  }

  /** Sets other limits, for what runs in it too. */
  limit({ memoryMiB, processes }: Limits): void {
    const bytes = String(memoryMiB * 1024 * 1024);
    if (this.#home.version === 2) {
      writeFileSync(join(this.#memory, "memory.max"), bytes);
      // Without swap accounting there is no such file, and without oom.group the largest process ends alone.
      tryWrite(join(this.#memory, "memory.swap.max"), "0");
      tryWrite(join(this.#memory, "memory.oom.group"), "1");
    } else {
      const withSwap = join(this.#memory, "memory.memsw.limit_in_bytes");
      // It can not be less than the limit without swap: one that grows is set first, one that shrinks last.
      tryWrite(withSwap, bytes);
      writeFileSync(join(this.#memory, "memory.limit_in_bytes"), bytes);
      tryWrite(withSwap, bytes);
    }
    if (this.#pids) writeFileSync(join(this.#pids, "pids.max"), String(processes));
  }

  /** The limit for which the kernel ended or refused something since the cgroup was made. */
  get exceeded(): Excess | undefined {
    const events = this.#home.version === 2 ? "memory.events" : "memory.oom_control";
    if (count(join(this.#memory, events), "oom_kill") > 0) return "memory";
    return this.#pids && count(join(this.#pids, "pids.events"), "max") > 0 ? "processes" : undefined;
  }

  /** Ends whatever still runs in it, also what left its process group, and removes it. */
  async remove(clock: Clock): Promise<void> {
    for (let tries = 0; tries < REMOVAL_TRIES; tries++) {
      const left = this.#folders.filter((folder) => !removed(folder));
      if (!left.length) return;
      for (const folder of left) killAll(folder);
      await sleep(clock, REMOVAL_PAUSE_MS);
    }
    throw new Error(`The cgroup ${this.#memory} can't be removed: something in it does not end.`);
  }
}

/** Removes the cgroups of instances that are not to be kept: what a server that was killed left. Returns their names. */
export async function sweepCgroups(
  home: CgroupHome,
  keep: ReadonlySet<string>,
  clock: Clock,
): Promise<readonly string[]> {
  const names = new Set([home.memory, home.pids ?? home.memory].flatMap(subfolders));
  const stale = [...names].filter((name) => !keep.has(name));
  for (const name of stale) await new Cgroup(home, name).remove(clock);
  return stale;
}

/** Removes the home itself, once nothing is in it. */
export function removeCgroupHome(home: CgroupHome): void {
  for (const folder of new Set([home.memory, home.pids ?? home.memory])) removed(folder);
}

/**
 * Whether cgroups with limits may be made below `folder`. Version 2 wants the processes of an inner cgroup in its leaves
 * ("no internal processes", cgroups(7)): the server moves itself into one, if nobody else's process is there.
 */
function delegated(folder: string, isOurs: (pid: number) => boolean): boolean {
  if (enable(folder)) return true;
  const pids = pidsIn(folder);
  if (!pids.length || !pids.every(isOurs)) return false;
  try {
    const leaf = join(folder, SERVER_LEAF);
    mkdirSync(leaf, { recursive: true });
    for (const pid of pids) writeFileSync(join(leaf, "cgroup.procs"), String(pid));
  } catch {
    return false;
  }
  return enable(folder);
}

/** Lets the cgroups below have limits. */
function enable(folder: string): boolean {
  const control = join(folder, "cgroup.subtree_control");
  const has = () => ["memory", "pids"].every((name) => read(control).split(/\s+/).includes(name));
  return has() || (tryWrite(control, "+memory +pids") && has());
}

/** A folder for this server's cgroups, if it can be made and has what is needed. */
function made(parent: string, name: string, files: readonly string[]): string | undefined {
  const folder = join(parent, name);
  try {
    mkdirSync(folder, { recursive: true });
    const there = readdirSync(folder);
    return files.every((file) => there.includes(file)) ? folder : undefined;
  } catch {
    return undefined;
  }
}

interface Mount {
  readonly root: string;
  readonly at: string;
  readonly type: string;
  readonly options: readonly string[];
}

/** A line of proc_pid_mountinfo(5); a separator stands between the optional fields and the file system's own. */
function parseMount(line: string): Mount | undefined {
  const [left, right] = line.split(" - ");
  const [, , , root, at] = left?.split(" ") ?? [];
  const [type, , options] = right?.split(" ") ?? [];
  return root && at && type ? { root, at, type, options: options?.split(",") ?? [] } : undefined;
}

/** What of a cgroup's path shows below a mount that starts at `root`, as a container's does. */
function below(path: string, root: string): string {
  return root !== "/" && (path === root || path.startsWith(`${root}/`)) ? path.slice(root.length) : path;
}

function count(file: string, name: string): number {
  return Number(new RegExp(`^${name} (\\d+)$`, "m").exec(read(file))?.[1] ?? 0);
}

function pidsIn(folder: string): number[] {
  return read(join(folder, "cgroup.procs")).split("\n").map(Number).filter(Boolean);
}

function killAll(folder: string): void {
  if (tryWrite(join(folder, "cgroup.kill"), "1")) return;
  for (const pid of pidsIn(folder))
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It ended in this moment.
    }
}

function removed(folder: string): boolean {
  try {
    rmdirSync(folder);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOENT";
  }
}

function subfolders(folder: string): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name);
  } catch {
    return [];
  }
}

/** A write to an existing file of the kernel; a file system of the disk would make a new one. */
function tryWrite(file: string, content: string): boolean {
  try {
    writeFileSync(file, content, { flag: "r+" });
    return true;
  } catch {
    return false;
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
