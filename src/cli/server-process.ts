import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { moduleUrl } from "../base/module-url.ts";
import type { Connection } from "./data-folder.ts";
import { CliError } from "./exit-codes.ts";

/** A server in a process of its own, as `tideway serve` runs it. */
export class ServerProcess implements AsyncDisposable {
  readonly connection: Connection;
  /** The last lines of its log, oldest first. */
  readonly lastLines: readonly string[];
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;

  private constructor(
    connection: Connection,
    child: ChildProcess,
    ended: Promise<unknown>,
    lastLines: readonly string[],
  ) {
    this.connection = connection;
    this.lastLines = lastLines;
    this.#child = child;
    this.#ended = ended;
  }

  /** Starts one on a free port, with more options of `serve` perhaps, and waits until it is ready. */
  static async start(
    dataDir: string,
    env: Readonly<Record<string, string | undefined>>,
    more: readonly string[] = [],
  ): Promise<ServerProcess> {
    const main = moduleUrl(import.meta.url, "./main").pathname;
    const words = ["serve", "--port", "0", "--data", dataDir, "--json", "--while-stdin", ...more];
    const child = spawn(process.execPath, [decodeURIComponent(main), ...words], {
      env: { ...env },
      // its end tells the server that this process is gone, however it went
      stdio: ["pipe", "pipe", "pipe"],
    });
    const ended = new Promise((resolve) => child.once("close", resolve));
    const complaints: string[] = [];
    createInterface(child.stderr).on("line", (line) => {
      complaints.push(line);
      if (complaints.length > 20) complaints.shift();
    });
    for await (const line of createInterface(child.stdout)) {
      const said = JSON.parse(line) as Connection & { readonly event: string; readonly message?: string };
      if (said.event === "ready") return new ServerProcess(said, child, ended, complaints);
      throw new CliError("failure", `The server did not start: ${said.message ?? line}`);
    }
    await ended;
    throw new CliError("failure", `The server did not start.\n${complaints.join("\n")}`);
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Resolves when it has ended, by itself or not. */
  ended(): Promise<unknown> {
    return this.#ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGTERM");
    await this.#ended;
  }
}
