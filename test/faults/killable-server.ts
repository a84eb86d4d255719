import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ServerProcess } from "../../src/cli/server-process.ts";
import { TidewayServer } from "../support/tideway-server.ts";

/** A whole server in a process of its own, which a test kills with SIGKILL and starts again on the same data folder. */
export class KillableServer implements AsyncDisposable {
  readonly #dataDir: string;
  readonly #options: readonly string[];
  #process: ServerProcess;
  /** Its clients, until the next kill. */
  tideway: TidewayServer;

  private constructor(dataDir: string, options: readonly string[], process: ServerProcess) {
    this.#dataDir = dataDir;
    this.#options = options;
    this.#process = process;
    this.tideway = clientsOf(process, dataDir);
  }

  /** With options of `tideway serve`. */
  static async start(...options: string[]): Promise<KillableServer> {
    return KillableServer.startOn(await mkdtemp(join(tmpdir(), "tideway-kill-")), ...options);
  }

  /** On a data folder, which is removed at the end. */
  static async startOn(dataDir: string, ...options: string[]): Promise<KillableServer> {
    return new KillableServer(dataDir, options, await startProcess(dataDir, options));
  }

  /** The supervisor's process. */
  get pid(): number {
    return this.#process.pid!;
  }

  get dataDir(): string {
    return this.#dataDir;
  }

  /** Resolves with the supervisor's exit code when it has ended. */
  ended(): Promise<unknown> {
    return this.#process.ended();
  }

  /** The processes of the server, whoever started them: roles, instances, and what guards those. */
  family(): number[] {
    const parents = new Map<number, number>();
    for (const pid of readdirSync("/proc").map(Number).filter(Boolean)) parents.set(pid, parentOf(pid));
    const family = [this.pid];
    for (const member of family) for (const [pid, parent] of parents) if (parent === member) family.push(pid);
    return family;
  }

  /** The processes of the supervisor's roles that are called so: `control`, `gateway`. */
  role(title: string): number[] {
    return readdirSync("/proc")
      .map(Number)
      .filter((pid) => pid && parentOf(pid) === this.pid && titleOf(pid).startsWith(`tideway: ${title}`));
  }

  /** SIGKILL to the supervisor, at once; resolves when the process is gone. */
  async kill(): Promise<void> {
    process.kill(this.#process.pid!, "SIGKILL");
    await this.#process.ended();
    for (const client of [this.tideway.s3, this.tideway.sagemaker, this.tideway.runtime]) client.destroy();
  }

  async restart(): Promise<void> {
    this.#process = await startProcess(this.#dataDir, this.#options);
    this.tideway = clientsOf(this.#process, this.#dataDir);
  }

  /** The processes of instances, by the folder of the instance that each of them works in. */
  processes(): Map<number, string> {
    const found = new Map<number, string>();
    for (const pid of readdirSync("/proc").map(Number).filter(Boolean))
      try {
        const folder = readlinkSync(`/proc/${pid}/cwd`);
        if (folder.startsWith(join(this.#dataDir, "instances")))
          found.set(pid, folder.replace(/ \(deleted\)$/, ""));
      } catch {
        // It ended in this moment, or is somebody else's.
      }
    return found;
  }

  /** The processes of the built-in model server. */
  modelServers(): number[] {
    return [...this.processes().keys()].filter((pid) => titleOf(pid).startsWith("tideway: instance"));
  }

  /** The processes of the built-in model server that wait for a model. */
  warmWorkers(): number[] {
    return [...this.processes().keys()].filter((pid) => titleOf(pid).startsWith("tideway: warm worker"));
  }

  /** The processes of programs of the user's, which Node runs. */
  programs(): number[] {
    return [...this.processes().keys()].filter((pid) => titleOf(pid).startsWith(process.execPath));
  }

  /** The instances that have processes, each once. */
  instances(): string[] {
    return [...new Set(this.processes().values())];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process[Symbol.asyncDispose]();
    for (const client of [this.tideway.s3, this.tideway.sagemaker, this.tideway.runtime]) client.destroy();
    await rm(this.#dataDir, { recursive: true, force: true });
  }
}

function startProcess(dataDir: string, options: readonly string[]): Promise<ServerProcess> {
  const { PATH, HOME } = process.env;
  return ServerProcess.start(dataDir, { PATH, HOME }, options);
}

function parentOf(pid: number): number {
  const stat = read(`/proc/${pid}/stat`);
  return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
}

/** Whether a process runs; one that has ended and that nobody has asked for does not. */
export function runs(pid: number): boolean {
  const stat = read(`/proc/${pid}/stat`);
  return stat !== "" && !/\) [ZX] /.test(stat);
}

const titleOf = (pid: number) => read(`/proc/${pid}/cmdline`);

/** Nothing of a process that has ended. */
function read(file: string): string {
  try {
    return readFileSync(file, "latin1");
  } catch {
    return "";
  }
}

const clientsOf = (process: ServerProcess, dataDir: string) =>
  TidewayServer.of({
    ...process.connection,
    dataDir,
    [Symbol.asyncDispose]: () => process[Symbol.asyncDispose](),
  });

/** Waits for what is bound to come; the test's own time limit is the only one. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 20));
}
