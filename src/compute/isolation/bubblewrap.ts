import { execFile } from "node:child_process";
import { readdirSync, readlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, sep } from "node:path";
import { promisify } from "node:util";

/** What a program in the sandbox finds, besides the system's own programs and libraries. */
export interface SandboxPlan {
  /** The working folder as the program knows it, and the folder on disk that it is. */
  readonly home: { readonly at: string; readonly from: string };
  /** The folder on disk that `/tmp` is. */
  readonly temporary: string;
  /** The folder on disk that `/dev/shm` is; memory where a cgroup counts it. */
  readonly sharedMemory: string | undefined;
  /** Shown where they are, and as `/opt/ml/model`. */
  readonly modelDir: string;
  /** Files and folders that are shown where they are, read-only. What is not there is left out. */
  readonly readable: readonly string[];
  /** The same, writable. */
  readonly writable: readonly string[];
  /** Device files for computing, such as /dev/nvidia0. */
  readonly devices: readonly string[];
  /** `none` has a loopback interface of its own and nothing else. */
  readonly network: "none" | "host";
  /** Processes and threads, where no cgroup counts them; root is exempt from it (setrlimit(2)). */
  readonly processes: number | undefined;
}

/** Programs and libraries; of /etc and /sys what a runtime reads to find its libraries, names, certificates and cores. */
const SYSTEM = [
  ..."/usr /bin /sbin /lib /lib32 /lib64 /libx32 /nix/store /sys/devices/system".split(" "),
  ..."alternatives ca-certificates crypto-policies group hosts ld.so.cache localtime nsswitch.conf passwd pki ssl"
    .split(" ")
    .map((name) => `/etc/${name}`),
];
/** A driver's library looks its devices up here. */
const SYSTEM_OF_DEVICES = ["/sys/bus", "/sys/class", "/sys/devices", "/sys/module"];

/**
 * The command line that runs what is appended to it in a sandbox. Everything that is not named does not exist in there:
 * the root is empty at first. `/proc` shows the sandbox's own processes and is read-only: root could write the host's
 * settings below /proc/sys through it, also without capabilities.
 */
export function bubblewrapArguments(plan: SandboxPlan): string[] {
  const { home, modelDir, devices } = plan;
  const mounts = new Map<string, readonly [option: string, source: string]>();
  for (const path of [...SYSTEM, ...(devices.length ? SYSTEM_OF_DEVICES : [])])
    mounts.set(path, systemMount(path));
  for (const path of plan.readable) if (!mounts.has(path)) mounts.set(path, ["--ro-bind-try", path]);
  mounts.set("/tmp", ["--bind", plan.temporary]);
  mounts.set(home.at, ["--bind", home.from]);
  for (const path of plan.writable) mounts.set(path, ["--bind", path]);
  mounts.set(modelDir, ["--ro-bind", modelDir]);
  // Below a folder of the machine no new place can be made.
  if (!mounts.has("/opt") && !mounts.has("/opt/ml")) mounts.set("/opt/ml/model", ["--ro-bind", modelDir]);

  return [
    ..."--unshare-all --die-with-parent --cap-drop ALL --unsetenv TMPDIR".split(" "),
    ...(plan.network === "host"
      ? ["--share-net", "--ro-bind-try", "/etc/resolv.conf", "/etc/resolv.conf"]
      : []),
    ..."--proc /proc --remount-ro /proc --dev /dev".split(" "),
    ...(plan.sharedMemory ? ["--bind", plan.sharedMemory, "/dev/shm"] : ["--tmpfs", "/dev/shm"]),
    ...devices.flatMap((path) => ["--dev-bind-try", path, path]),
    ..."--remount-ro /dev".split(" "),
    // A folder comes before what is below it, or it would hide that.
    ...[...mounts]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .filter(([path, [option]], _, all) => option !== "--ro-bind-try" || !isShown(path, all))
      .flatMap(([path, [option, source]]) => [option, source, path]),
    ..."--remount-ro / --chdir".split(" "),
    home.at,
    "--",
    ...(plan.processes
      ? // dash and busybox know -p, bash and zsh -u
        [
          "/bin/sh",
          "-c",
          `ulimit -p ${plan.processes} 2>/dev/null || ulimit -u ${plan.processes}; exec "$@"`,
          "tideway-instance",
        ]
      : []),
  ];
}

/** Where /bin only leads to /usr/bin, a link does: each mount costs a start about half a millisecond. */
function systemMount(path: string): readonly [option: string, source: string] {
  try {
    const target = readlinkSync(path);
    return target.startsWith("usr/") ? ["--symlink", target] : ["--ro-bind-try", path];
  } catch {
    return ["--ro-bind-try", path];
  }
}

/** Whether a read-only path is there already by a read-only folder above it, with nothing writable between. */
function isShown(path: string, mounts: readonly (readonly [string, readonly [string, string]])[]): boolean {
  const above = mounts.findLast(([other]) => other !== path && path.startsWith(`${other}${sep}`));
  return above?.[1][0] === "--ro-bind-try";
}

const run = promisify(execFile);

/** Whether bubblewrap works here, found out by running it with all that a sandbox needs: undefined, or why not. */
export async function bubblewrapFault(bubblewrap: string): Promise<string | undefined> {
  const plan: SandboxPlan = {
    home: { at: "/srv", from: tmpdir() },
    temporary: tmpdir(),
    sharedMemory: undefined,
    modelDir: "/usr",
    readable: [],
    writable: [],
    devices: [],
    network: "none",
    processes: undefined,
  };
  try {
    await run(bubblewrap, [...bubblewrapArguments(plan), "true"], {
      timeout: 10_000,
      env: { PATH: "/usr/bin:/bin" },
    });
    return undefined;
  } catch (error) {
    const { stderr, code } = error as { stderr?: string; code?: unknown };
    return `bubblewrap does not work here (${stderr?.trim().split("\n").at(-1) || `it ended with ${String(code)}`})`;
  }
}

/** The device files of the machine's accelerators. */
export function computeDevices(folder = "/dev"): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => name.startsWith("nvidia"))
      .map((name) => join(folder, name));
  } catch {
    return [];
  }
}
