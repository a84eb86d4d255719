/** One role's process, kept running: started again when it ends, ended when it hangs. */
import { type ChildProcess, fork } from "node:child_process";
import { getCompileCacheDir } from "node:module";
import type { Server } from "node:net";
import { sleep, type Clock } from "../base/clock.ts";
import { HEAP_FLAGS } from "../base/heap-flags.ts";
import type { Log } from "../base/log.ts";
import { BEAT_MS, type FromRole, type ToRole } from "./role-messages.ts";

export interface RoleProcessOptions {
  /** As the log names it: `control`, `gateway 0`. */
  readonly name: string;
  /** What the process runs. */
  readonly module: URL;
  /** Of its environment, what is not as ours. */
  readonly env?: Readonly<Record<string, string>>;
  readonly clock: Clock;
  readonly log: Log;
  /** The first message of each run; with it may go a socket that listens, which is then closed here. */
  readonly start: () => Promise<{ readonly message: ToRole; readonly socket?: Server }>;
  /** Called when a process is started (with its pid) and when it is gone (undefined). */
  readonly onChange?: (pid: number | undefined) => void;
  readonly onMessage?: (message: FromRole) => void;
}

/** So many missed beats in a row end a process. They are counted, not timed: a machine that slept is no fault. */
const MISSED_BEATS = 5;
/** A process may take so long from its start until it is ready: it may have a large store to open. */
const START_MS = 120_000;
/** Beyond the time that a role gives its requests to end. */
const STOP_SLACK_MS = 10_000;
/** A process that was ready for so long ended of something new: its successor is started at once. */
const STABLE_MS = 1000;

/** 0, then 100 ms, 200 ms ... 5 s: how long to wait before the start that follows so many quick ends. */
export function restartDelayMs(quickEnds: number): number {
  return quickEnds <= 1 ? 0 : Math.min(5000, 100 * 2 ** (quickEnds - 2));
}

/** Fails to start with the role's own words. */
export class RoleFailure extends Error {
  readonly code: string | undefined;
  constructor(message: string, code?: string) {
    super(message);
    this.code = code;
  }
}

/** A process that is ready. */
interface Run {
  readonly ended: Promise<void>;
}

export class RoleProcess {
  readonly #options: RoleProcessOptions;
  readonly #stopping = new AbortController();
  #child: ChildProcess | undefined;
  #gone: Promise<void> = Promise.resolve();

  constructor(options: RoleProcessOptions) {
    this.#options = options;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Resolves when the first process is ready, and rejects when it could not be; from then on it is kept running. */
  async start(): Promise<void> {
    const first = this.#run();
    this.#gone = first.then(
      (running) => this.#keep(running),
      () => {},
    );
    await first;
  }

  /** A process that is on its way down or up hears nothing: what it must know comes with its start. */
  send(message: ToRole): void {
    if (this.#child?.connected) this.#child.send(message, () => {});
  }

  /** Tells the process to finish what it has begun, and kills it when it takes longer than it may, or is not ready yet. */
  async stop(graceMs: number): Promise<void> {
    this.#stopping.abort(new Error("the role is stopped"));
    this.send({ kind: "stop" });
    const child = this.#child;
    const cancel = this.#options.clock.after(graceMs + STOP_SLACK_MS, () => child?.kill("SIGKILL"));
    await this.#gone;
    cancel();
  }

  async #keep(running: Run): Promise<void> {
    const { clock, log, name } = this.#options;
    let quickEnds = 0;
    for (let begun = clock.monotonic(); ; begun = clock.monotonic()) {
      await running.ended;
      if (this.#stopping.signal.aborted) return;
      quickEnds = clock.monotonic() - begun < STABLE_MS ? quickEnds + 1 : 1;
      log.error("A process of the server ended and is started again.", { role: name });
      await sleep(clock, restartDelayMs(quickEnds), this.#stopping.signal).catch(() => {});
      if (this.#stopping.signal.aborted) return;
      running = await this.#run().catch((error: unknown) => {
        log.error("A process of the server could not be started again.", { role: name, error });
        return { ended: Promise.resolve() };
      });
    }
  }

  /** One process: resolves when it is ready. */
  async #run(): Promise<Run> {
    const { module, env, clock, onChange, onMessage } = this.#options;
    const { message, socket } = await this.#options.start();
    if (this.#stopping.signal.aborted) {
      socket?.close();
      throw this.#stopping.signal.reason as Error;
    }
    const child = fork(module, {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
      execArgv: [...process.execArgv, ...HEAP_FLAGS, "--expose-gc"],
      env: { ...process.env, ...env, NODE_COMPILE_CACHE: getCompileCacheDir() },
    });
    this.#child = child;
    onChange?.(child.pid);
    const ready = Promise.withResolvers<void>();
    const ended = new Promise<void>((resolve) => child.once("exit", () => resolve())).then(() => {
      stopWatching();
      ready.reject(new RoleFailure("The process ended before it was ready."));
      if (this.#child === child) this.#child = undefined;
      onChange?.(undefined);
    });
    const stopWatching = this.#watch(child);
    child.on("error", (error) => ready.reject(error));
    child.on("message", (received: FromRole) => {
      if (received.kind === "ready") ready.resolve();
      else if (received.kind === "failed") ready.reject(new RoleFailure(received.message, received.code));
      // What a process that has ended still had in its pipe must not mix with what its successor says.
      else if (this.#child === child) onMessage?.(received);
    });
    child.send(message, socket && handleOf(socket), {}, () => socket?.close());
    const giveUp = () => child.kill("SIGKILL");
    const cancel = clock.after(START_MS, giveUp);
    this.#stopping.signal.addEventListener("abort", giveUp);
    try {
      await ready.promise;
    } catch (error) {
      child.kill("SIGKILL");
      await ended;
      throw error;
    } finally {
      cancel();
      this.#stopping.signal.removeEventListener("abort", giveUp);
    }
    return { ended };
  }

  /** Ends the process when its event loop stands still; returns what ends the watch. */
  #watch(child: ChildProcess): () => void {
    const { clock, log, name } = this.#options;
    let missed = 0;
    let beating = false;
    child.on("message", ({ kind }: FromRole) => {
      if (kind === "ready") beating = true;
      missed = 0;
    });
    const look = () => {
      cancel = clock.after(BEAT_MS, look);
      if (!beating || ++missed <= MISSED_BEATS) return;
      log.error("A process of the server hangs and is ended.", { role: name, pid: child.pid });
      child.kill("SIGKILL");
    };
    let cancel = clock.after(BEAT_MS, look);
    return () => cancel();
  }
}

/**
 * What the kernel knows a listening server by. A `Server` that is sent would accept connections as soon as it arrives,
 * and lose them while the process is not ready; of a bare handle the kernel keeps them until it is listened on.
 */
function handleOf(server: Server): Server {
  return (server as unknown as { readonly _handle: Server })._handle;
}
