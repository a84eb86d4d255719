import { execFile, execFileSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ServerProcess } from "../../src/cli/server-process.ts";
import { variables } from "../../src/cli/shells.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** A terminal of a user who has started a server and evaluated `tideway env`. */
export class Session implements AsyncDisposable {
  readonly server: ServerProcess;
  readonly dataDir: string;
  readonly #folder: string;
  readonly #env: Record<string, string | undefined>;

  private constructor(folder: string, dataDir: string, server: ServerProcess) {
    this.#folder = folder;
    this.dataDir = dataDir;
    this.server = server;
    this.#env = {
      ...without(process.env, /^AWS_|^TIDEWAY_|COLOR/),
      ...variables(server.connection),
      // The user's own configuration must not play a part.
      AWS_CONFIG_FILE: join(folder, "none"),
      AWS_SHARED_CREDENTIALS_FILE: join(folder, "none"),
      PATH: `${join(root, "bin")}:${join(root, "node_modules", ".bin")}:${process.env["PATH"]}`,
    };
  }

  static async start(): Promise<Session> {
    const folder = await mkdtemp(join(tmpdir(), "tideway-journey-"));
    const dataDir = join(folder, "data");
    const env = without(process.env, /^AWS_|^TIDEWAY_/);
    return new Session(folder, dataDir, await ServerProcess.start(dataDir, env));
  }

  /** What the program wrote, and how it ended, run in the root of the repository. */
  run(
    file: string,
    words: readonly string[],
    { input = "", env = {} }: { input?: string; env?: Record<string, string | undefined> } = {},
  ): Promise<{ code: number; out: string; err: string }> {
    return new Promise((resolve) => {
      const options = {
        cwd: root,
        env: { ...this.#env, ...env },
        timeout: 120_000,
        maxBuffer: 64 * 1024 * 1024,
      };
      const child = execFile(file, [...words], options, (error, out, err) =>
        resolve({ code: error ? (typeof error.code === "number" ? error.code : -1) : 0, out, err }),
      );
      child.stdin?.end(input);
    });
  }

  tideway(...words: string[]) {
    return this.run(join(root, "bin", "tideway"), words);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** Whether this machine has the program, or Python the module. */
export function has(file: string, ...words: string[]): boolean {
  try {
    execFileSync(file, words, { stdio: "ignore", timeout: 20_000 });
    return true;
  } catch {
    return false;
  }
}

function without(env: NodeJS.ProcessEnv, names: RegExp): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !names.test(name)));
}
