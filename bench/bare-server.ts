import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

/** A server to compare with: a program of this folder, in a process of its own, that says its URL in its first line. */
export class BareServer implements AsyncDisposable {
  readonly url: string;
  readonly pid: number;
  readonly #child: ChildProcess;

  private constructor(url: string, child: ChildProcess) {
    this.url = url;
    this.pid = child.pid!;
    this.#child = child;
  }

  static async start(file: string, ...words: readonly string[]): Promise<BareServer> {
    const child = spawn(process.execPath, [file, ...words], { stdio: ["ignore", "pipe", "inherit"] });
    const ended = once(child, "exit").then(() => {
      throw new Error(`${file} ended before it listened.`);
    });
    const said = once(createInterface(child.stdout), "line") as Promise<[string]>;
    const [url] = await Promise.race([said, ended]);
    ended.catch(() => {});
    return new BareServer(url, child);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, "exit");
    this.#child.kill();
    await exited;
  }
}
