import { mkdirSync, rmSync, symlinkSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";

import { HEAP_FLAGS } from "../../base/heap-flags.ts";
import { CHANNEL_USES } from "../../base/instance-channel.ts";
import type { Address, ContainerSpec, ResourceShape } from "../engine.ts";
import type { Program } from "../images.ts";
import { commandFiles, moduleFiles } from "../isolation/readable-files.ts";
import { findExecutable } from "./executable.ts";
import type { Python } from "./python.ts";

/** Where the programs are that instances run. */
export interface Programs {
  readonly nodePath: string;
  /** The built-in model server's main file. */
  readonly modelServerPath: string;
  /** Finds the machine's Python when a script first needs it. */
  readonly python: () => Promise<Python>;
  /** The script server: a file or a folder that Python runs. */
  readonly scriptServerPath: string;
  /** Where the built-in server's compiled code is kept from one start to the next. */
  readonly compileCache: string;
}

/** Of the engine's own environment an instance gets these and nothing else: no credentials, no settings of the server. */
const INHERITED = [
  "PATH",
  "LANG",
  "LC_ALL",
  "TZ",
  "TMPDIR",
  "LD_LIBRARY_PATH",
  "VIRTUAL_ENV",
  "PYENV_ROOT",
  "CUDA_HOME",
  "CUDA_VISIBLE_DEVICES",
  "NVIDIA_VISIBLE_DEVICES",
];

/** How a program is started. */
export interface CommandLine {
  readonly argv: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** What it must be able to read in a sandbox, besides the system and the model. */
  readonly readable: readonly string[];
}

/** The command line of a program; `modelDir` and `address` fill a command's placeholders. `awaited`: requests wait for it. */
export async function commandLine(
  program: Program,
  programs: Programs,
  address: Address,
  modelDir: string,
  environment: Readonly<Record<string, string>>,
  awaited: boolean,
): Promise<CommandLine> {
  if (program.kind === "builtin") return builtinCommand(programs, CHANNEL_USES.tell, awaited);
  if (program.kind === "script") {
    const python = await programs.python();
    return {
      argv: [python.executable, "-u", programs.scriptServerPath],
      environment: { PYTHONUSERBASE: python.userBase, PYTHONDONTWRITEBYTECODE: "1" },
      readable: [...python.folders, programs.scriptServerPath],
    };
  }
  const values: Record<string, string> = {
    "{socket}": address.kind === "unix" ? address.path : "",
    "{port}": address.kind === "tcp" ? String(address.port) : "",
    "{model_dir}": modelDir,
  };
  const argv = program.argv.map((part) =>
    part.replace(/\{(socket|port|model_dir)\}/g, (name) => values[name]!),
  );
  const command = [findExecutable(argv[0] ?? "", environment["PATH"] ?? ""), ...argv.slice(1)];
  return { argv: command, environment: {}, readable: commandFiles(command) };
}

/**
 * The built-in server's command line. With flags V8 does not take the code of Node's own modules as it was compiled
 * with Node, which is a third of a start: so, none for somebody who waits for it, with one body at a time.
 */
export function builtinCommand(programs: Programs, use: string, awaited = false): CommandLine {
  return {
    argv: [programs.nodePath, ...(awaited ? [] : HEAP_FLAGS), programs.modelServerPath],
    environment: { NODE_COMPILE_CACHE: programs.compileCache, TIDEWAY_CHANNEL: use },
    readable: [programs.nodePath, ...moduleFiles(programs.modelServerPath)],
  };
}

/** The built-in server takes frames on a second socket beside the first. */
export function builtinAddress(path: string) {
  return { kind: "unix", path, framesPath: join(dirname(path), "f") } as const;
}

/** What Node and the libraries below it read when a process starts: later it is too late for these. */
const READ_AT_START =
  /^(NODE_|UV_|LD_|OMP_|ORT_|MALLOC_|GLIBC_|OPENSSL_|SSL_|CUDA_|NVIDIA_|(TZ|LANG|TMPDIR)$|LC_)/;

/** Whether a process that was started without these variables can still be given them. */
export function canBeGivenLater(environment: Readonly<Record<string, string>>): boolean {
  return !Object.keys(environment).some((name) => READ_AT_START.test(name));
}

/** What a process gets of the engine's own environment. */
export function inheritedVariables(
  own: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  return Object.fromEntries(
    INHERITED.flatMap((name) => (own[name] === undefined ? [] : [[name, own[name]]])),
  );
}

/** Whether a program listens on a unix socket: all of ours do, a command does when it names `{socket}`. */
export function listensOnSocket(program: Program): boolean {
  return program.kind !== "command" || program.argv.some((part) => part.includes("{socket}"));
}

/** The instance's environment: a few variables of the machine, then the user's, then the container contract's. */
export function instanceEnvironment(options: {
  readonly inherited: Readonly<Record<string, string | undefined>>;
  readonly container: ContainerSpec;
  readonly program: Program;
  readonly shape: ResourceShape | undefined;
  /** Whether it gets its requests one after the other. */
  readonly oneAtATime: boolean;
  readonly region: string;
  readonly folder: string;
  readonly modelDir: string;
  readonly codeDir: string | undefined;
  readonly address: Address;
}): Record<string, string> {
  const { container, program, folder, address } = options;
  const cores = Math.max(1, Math.min(options.shape?.vcpu ?? 1, availableParallelism()));
  const environment = inheritedVariables(options.inherited);
  environment["OMP_NUM_THREADS"] = String(cores);
  // One thread per session is fastest for small models; a container's Environment may ask for more.
  environment["TIDEWAY_THREADS"] = "1";
  // There is nothing to run together, so no time is spent on finding out whether it pays.
  if (options.oneAtATime) environment["TIDEWAY_MAX_BATCH_SIZE"] = "1";
  environment["PYTHONUNBUFFERED"] = "1";
  Object.assign(environment, container.environment, {
    HOME: folder,
    AWS_REGION: options.region,
    SAGEMAKER_REGION: options.region,
    SAGEMAKER_BASE_DIR: join(folder, "ml"),
    TIDEWAY_MODEL_DIR: options.modelDir,
  });
  if (options.codeDir !== undefined) environment["TIDEWAY_CODE_DIR"] = options.codeDir;
  else delete environment["TIDEWAY_CODE_DIR"];
  delete environment["TIDEWAY_SOCKET"];
  delete environment["TIDEWAY_FRAMES_SOCKET"];
  delete environment["TIDEWAY_RUNTIME"];
  if (address.kind === "unix") {
    environment["TIDEWAY_SOCKET"] = address.path;
    if (address.framesPath) environment["TIDEWAY_FRAMES_SOCKET"] = address.framesPath;
  } else {
    environment["SAGEMAKER_BIND_TO_PORT"] = String(address.port);
    environment["PORT"] = String(address.port);
  }
  if (program.kind === "builtin" && program.runtime) environment["TIDEWAY_RUNTIME"] = program.runtime;
  return environment;
}

/** Lays out what the container contract calls `/opt/ml` inside the instance's folder. */
export function layOutBaseFolder(folder: string, modelDir: string): void {
  const base = join(folder, "ml");
  mkdirSync(base, { recursive: true, mode: 0o750 });
  rmSync(join(base, "model"), { force: true });
  symlinkSync(modelDir, join(base, "model"));
}
