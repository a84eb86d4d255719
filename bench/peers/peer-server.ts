import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, open, readFile, rm } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { Target } from "../compare.ts";
import { LoadGenerator } from "../load/load-generator.ts";
import { familyOf, residentBytes } from "../processes.ts";
import { SMALL_MODEL } from "../subject.ts";
import type { Peer } from "./peers.ts";

const READY_MS = 90_000;
const NETWORK_MS = 5000;
const STOP_MS = 2000;

/** A machine of its own as far as it sees: nothing but a loopback, and what it starts ends with it. */
const OWN_NETWORK = "unshare --user --map-root-user --net --pid --mount-proc --fork --kill-child sh -c".split(
  " ",
);
const WITH_LOOPBACK = ['ip link set lo up && exec "$@"', "peer"];

/** A peer's processes, while they are measured. */
export class PeerServer implements AsyncDisposable {
  /** From its start to its first right answer. */
  readonly readyMs: number;
  readonly target: Target;
  readonly #parts: AsyncDisposableStack;
  readonly #pids: () => number[];

  private constructor(parts: AsyncDisposableStack, pids: () => number[], target: Target, readyMs: number) {
    this.#parts = parts;
    this.#pids = pids;
    this.target = target;
    this.readyMs = readyMs;
  }

  /** Starts it and waits until it answers; throws an Error that tells what it wrote when it does not. */
  static async start(peer: Peer, bin: string, workers: number, rows: readonly string[]): Promise<PeerServer> {
    await using parts = new AsyncDisposableStack();
    const folder = await mkdtemp(join(tmpdir(), "tideway-bench-peer-"));
    parts.defer(() => rm(folder, { recursive: true, force: true }));
    const port = await freePort();
    const [program = "", ...words] = await peer.command({ port, workers, folder });
    const command = [join(bin, program), ...words];
    const [first = "", ...rest] = peer.everywhere ? [...OWN_NETWORK, ...WITH_LOOPBACK, ...command] : command;
    const written = join(folder, "log");
    const log = await open(written, "w");
    const start = performance.now();
    const child = spawn(first, rest, {
      // Some write beside them.
      cwd: folder,
      env: environmentOf(bin, workers, folder),
      stdio: ["ignore", log.fd, log.fd],
    });
    const failed = once(child, "exit").then(() => Promise.reject(new Error("it ended")));
    failed.catch(() => {});
    await log.close();
    if (child.pid === undefined) await failed;
    parts.defer(() => end(child));

    const load = parts.use(await generatorFor(peer, child));
    const target: Target = {
      url: `http://127.0.0.1:${port}`,
      path: peer.path,
      headers: { "content-type": peer.contentType },
      bodies: rows.map((row) => peer.body(row)),
      pids: () => familyOf(child.pid!),
      load,
    };
    try {
      await Promise.race([answers(load, target, start + READY_MS), failed]);
    } catch (error) {
      const said = (await readFile(written, "utf8")).trim().split("\n").at(-1)?.slice(0, 200);
      throw new Error(`it does not start: ${(error as Error).message}; it wrote: ${said}`, { cause: error });
    }
    const readyMs = performance.now() - start;
    return new PeerServer(parts.move(), () => familyOf(child.pid!), target, readyMs);
  }

  /** Of all its processes together. */
  get residentBytes(): number {
    return this.#pids().reduce((sum, pid) => sum + (residentBytes(pid) || 0), 0);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#parts.disposeAsync();
  }
}

function environmentOf(bin: string, workers: number, folder: string): Record<string, string> {
  return {
    PATH: [bin, process.env["PATH"]].join(delimiter),
    HOME: folder,
    TMPDIR: folder,
    PYTHONPATH: import.meta.dirname,
    PYTHONDONTWRITEBYTECODE: "1",
    BENCH_MODEL: SMALL_MODEL,
    BENCH_WORKERS: String(workers),
    BENTOML_DO_NOT_TRACK: "True",
    RAY_USAGE_STATS_ENABLED: "0",
  };
}

/** The load generator that reaches it: one that enters its network where it has its own. */
async function generatorFor(peer: Peer, child: ChildProcess): Promise<LoadGenerator> {
  if (!peer.everywhere) return new LoadGenerator();
  const end = performance.now() + NETWORK_MS;
  for (;;) {
    const inside = familyOf(child.pid!)[1];
    if (inside !== undefined)
      return new LoadGenerator([
        "nsenter",
        `--target=${inside}`,
        "--user",
        "--net",
        "--preserve-credentials",
      ]);
    if (performance.now() > end) throw new Error("it has no network of its own");
    await pause(20);
  }
}

async function answers(load: LoadGenerator, target: Target, end: number): Promise<void> {
  const { url, path, headers, bodies } = target;
  for (;;) {
    try {
      await load.measure({ url, path, headers, bodies, pids: [], connections: 1, milliseconds: 1 });
      return;
    } catch (error) {
      if (performance.now() > end) throw error;
      await pause(50);
    }
  }
}

/** Its processes are those that it started, found while it still lives. */
async function end(child: ChildProcess): Promise<void> {
  const pids = familyOf(child.pid!);
  const living = child.exitCode === null && child.signalCode === null;
  const exited = living ? once(child, "exit") : undefined;
  child.kill("SIGTERM");
  await Promise.race([exited, pause(STOP_MS, undefined, { ref: false })]);
  for (const pid of pids)
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It has ended.
    }
  await exited;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
