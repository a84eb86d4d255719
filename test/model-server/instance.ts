import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** What an instance answered. */
export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly text: string;
  readonly body: Buffer;
}

/** A program that keeps the container contract, as a child process on a unix socket or on TCP. */
export class Instance implements AsyncDisposable {
  readonly child: ChildProcess;
  readonly exited: Promise<{ code: number | null; signal: string | null }>;
  readonly folder: string;
  stdout = "";
  stderr = "";

  private constructor(child: ChildProcess, folder: string) {
    this.child = child;
    this.folder = folder;
    child.stdout!.on("data", (chunk) => (this.stdout += chunk));
    child.stderr!.on("data", (chunk) => (this.stderr += chunk));
    this.exited = new Promise((resolve) => child.on("close", (code, signal) => resolve({ code, signal })));
  }

  static async start(command: readonly string[], env: Readonly<Record<string, string>>): Promise<Instance> {
    const folder = await mkdtemp(join(tmpdir(), "instance-"));
    const address = "SAGEMAKER_BIND_TO_PORT" in env ? {} : { TIDEWAY_SOCKET: join(folder, "socket") };
    const child = spawn(command[0]!, command.slice(1), {
      env: { PATH: process.env.PATH, HOME: process.env.HOME, ...address, ...env },
      stdio: ["pipe", "pipe", "pipe"],
    });
    return new Instance(child, folder);
  }

  /** Resolves when /ping is 200; rejects with the output when the process ends first. */
  async ready(): Promise<this> {
    for (;;) {
      if (this.child.exitCode !== null)
        throw new Error(`ended with ${this.child.exitCode}: ${this.stdout}${this.stderr}`);
      const ping = await this.send("GET", "/ping").catch(() => undefined);
      if (ping?.status === 200) return this;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  invoke(body: string | Uint8Array, contentType?: string, accept?: string): Promise<Answer> {
    return this.send("POST", "/invocations", body, {
      ...(contentType ? { "content-type": contentType } : {}),
      ...(accept ? { accept } : {}),
    });
  }

  send(
    method: string,
    path: string,
    body?: string | Uint8Array,
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    const port = /Listening on http:\/\/127\.0\.0\.1:(\d+)/.exec(this.stdout)?.[1];
    const where = port ? { host: "127.0.0.1", port } : { socketPath: join(this.folder, "socket") };
    return new Promise((resolve, reject) => {
      const sent = request({ ...where, method, path, headers, agent: false }, (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () => {
          const bytes = Buffer.concat(chunks);
          const type = response.headers["content-type"] ?? "";
          resolve({ status: response.statusCode!, type, text: bytes.toString(), body: bytes });
        });
      });
      sent.on("error", reject);
      sent.end(body);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill("SIGKILL");
    await this.exited;
    await rm(this.folder, { recursive: true, force: true });
  }
}
