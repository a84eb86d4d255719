import { readdirSync, readlinkSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ServerProcess } from "../../src/cli/server-process.ts";
import { TidewayServer } from "../support/tideway-server.ts";

/** A whole server in a process of its own, which a test kills with SIGKILL and starts again on the same data folder. */
export class KillableServer implements AsyncDisposable {
  readonly #dataDir: string;
  #process: ServerProcess;
  /** Its clients, until the next kill. */
  tideway: TidewayServer;

  private constructor(dataDir: string, process: ServerProcess) {
    this.#dataDir = dataDir;
    this.#process = process;
    this.tideway = clientsOf(process, dataDir);
  }

  static async start(): Promise<KillableServer> {
    const dataDir = await mkdtemp(join(tmpdir(), "tideway-kill-"));
    return new KillableServer(dataDir, await startProcess(dataDir));
  }

  /** SIGKILL, at once; resolves when the process is gone. */
  async kill(): Promise<void> {
    process.kill(this.#process.pid!, "SIGKILL");
    await this.#process.ended();
    for (const client of [this.tideway.s3, this.tideway.sagemaker, this.tideway.runtime]) client.destroy();
  }

  async restart(): Promise<void> {
    this.#process = await startProcess(this.#dataDir);
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

function startProcess(dataDir: string): Promise<ServerProcess> {
  const { PATH, HOME } = process.env;
  return ServerProcess.start(dataDir, { PATH, HOME });
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
