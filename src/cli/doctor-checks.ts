import { execFile } from "node:child_process";
import { access, constants } from "node:fs/promises";
import { createServer } from "node:net";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { moduleUrl } from "../base/module-url.ts";
import { readServerFile } from "./data-folder.ts";
import { TidewayApi } from "./tideway-api.ts";

/** One thing of this machine that Tideway needs, or is better with. */
export interface Check {
  readonly name: string;
  /** Without it nothing works; the others only widen what can be run. */
  readonly needed: boolean;
  /** What is missing without it. */
  readonly meaning: string;
  /** How to get it. */
  readonly fix: string;
  /** What was found; throws what is wrong. */
  readonly look: () => Promise<string>;
}

export interface Finding extends Omit<Check, "look"> {
  readonly ok: boolean;
  readonly found: string;
}

/** Looks, whatever happens: a check that throws has found what is wrong. */
export async function examine(check: Check): Promise<Finding> {
  const { look, ...told } = check;
  try {
    return { ...told, ok: true, found: await look() };
  } catch (error) {
    return { ...told, ok: false, found: error instanceof Error ? sentence(error) : String(error) };
  }
}

const run = promisify(execFile);

export interface Machine {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly dataDir: string;
  readonly port: number;
  readonly nodeVersion: string;
}

/** Everything `tideway doctor` looks at, in the order it tells it. */
export function checks({ env, dataDir, port, nodeVersion }: Machine): Check[] {
  const program = async (file: string, args: readonly string[]) => {
    const { stdout, stderr } = await run(file, [...args], {
      env: { ...env },
      timeout: 20_000,
    });
    return (stdout.trim() || stderr.trim()).split("\n")[0] ?? "";
  };
  const pythonPath = env["TIDEWAY_PYTHON"] ?? "python3";
  const python = (code: string) => program(pythonPath, ["-c", code]);
  // In a process of its own: command line and server share no code but their base.
  const isolation = async () =>
    JSON.parse(
      await program(process.execPath, [
        fileURLToPath(moduleUrl(import.meta.url, "../compute/isolation/report")),
      ]),
    ) as { memory: string; sandbox: string; why?: string };
  const pythonPackage = (name: string) => python(`import ${name}; print(${name}.__version__)`);
  return [
    {
      name: "Node",
      needed: true,
      meaning: "Tideway runs on Node 24 or newer",
      fix: "npm ci in a clone brings it; else https://nodejs.org/",
      async look() {
        if (Number(nodeVersion.split(".")[0]) < 24) throw new Error(`${nodeVersion} is too old`);
        return nodeVersion;
      },
    },
    {
      name: "onnxruntime",
      needed: true,
      meaning: "ONNX models cannot be run",
      fix: "npm ci (its binary is in the package onnxruntime-node: Linux x64/arm64, macOS arm64, Windows)",
      async look() {
        // In a process of its own: a binary that does not fit this machine may end the one that loads it.
        const code = 'const o = require("onnxruntime-node"); console.log(o.env.versions.node ?? "loads")';
        const { stdout } = await run(process.execPath, ["-e", code], {
          cwd: import.meta.dirname,
          timeout: 20_000,
        });
        return stdout.trim();
      },
    },
    {
      name: "data folder",
      needed: true,
      meaning: "the server can keep nothing",
      fix: "name another folder with --data DIR",
      async look() {
        let folder = dataDir;
        for (;;) {
          const error = await access(folder, constants.W_OK).then(
            () => undefined,
            (error: NodeJS.ErrnoException) => error,
          );
          if (!error) return folder === dataDir ? dataDir : `${dataDir} (will be made)`;
          if (error.code !== "ENOENT" || dirname(folder) === folder)
            throw new Error(`${folder} is not writable`);
          folder = dirname(folder);
        }
      },
    },
    {
      name: "port",
      needed: false,
      meaning: `tideway serve cannot use port ${port}`,
      fix: "tideway serve --port 0 takes a free one",
      look: () => freePort(port),
    },
    {
      name: "server",
      needed: false,
      meaning: "no server runs on the data folder",
      fix: "tideway serve",
      async look() {
        const server = await readServerFile(dataDir);
        if (!server) throw new Error("not running");
        const { version } = await new TidewayApi(server).info(AbortSignal.timeout(5000));
        return `${server.url}, version ${version}`;
      },
    },
    {
      name: "python3",
      needed: false,
      meaning: "models with code/inference.py cannot be run",
      fix: "apt install python3, or https://www.python.org/",
      look: () => program(pythonPath, ["--version"]),
    },
    {
      name: "numpy",
      needed: false,
      meaning: "inference.py gets lists instead of arrays, and application/x-npy is refused",
      fix: "pip install numpy",
      look: () => pythonPackage("numpy"),
    },
    {
      name: "scikit-learn",
      needed: false,
      meaning: "scikit-learn models cannot be run by inference.py",
      fix: "pip install scikit-learn",
      look: () => pythonPackage("sklearn"),
    },
    {
      name: "sandbox",
      needed: false,
      meaning:
        "models can read the server's files and reach the network, with the rights of the user who runs it",
      fix: "apt install bubblewrap (Linux only; user namespaces must be allowed)",
      async look() {
        const { sandbox, why } = await isolation();
        if (sandbox === "none") throw new Error(why ?? "none");
        return sandbox;
      },
    },
    {
      name: "memory limit",
      needed: false,
      meaning:
        "what a model uses is looked at from time to time instead: a fast one may use more before it is ended",
      fix: "run the server as root, or as a systemd service with Delegate=yes",
      async look() {
        const { memory } = await isolation();
        if (memory === "watchdog") throw new Error("no cgroup that the server may write to; a watchdog");
        if (memory === "none") throw new Error("neither cgroups nor /proc");
        return memory;
      },
    },
    {
      name: "boto3",
      needed: false,
      meaning: "only this machine's Python clients need it",
      fix: "pip install boto3",
      look: () => pythonPackage("boto3"),
    },
    {
      name: "aws",
      needed: false,
      meaning: "only the AWS command line needs it",
      fix: "pip install awscli",
      look: () => program("aws", ["--version"]),
    },
  ];
}

function freePort(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", () => reject(new Error(`${port} is in use`)));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(`${port} is free`)));
  });
}

/** The last line of what a program complained about; where there is no program, just that. */
function sentence(error: Error & { readonly code?: unknown; readonly stderr?: unknown }): string {
  if (error.code === "ENOENT") return "not found";
  const said = typeof error.stderr === "string" ? error.stderr.trim().split("\n").pop() : undefined;
  return said || error.message.split("\n")[0] || "unknown";
}
