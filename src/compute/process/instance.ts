import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";

import { sleep, type Clock } from "../../base/clock.ts";
import type { Random } from "../../base/random.ts";
import type { Address, FleetFailure, InstancePhase, InstanceStatus } from "../engine.ts";
import { startChild, type Child, type Exit } from "./child.ts";
import { InstanceLog } from "./instance-log.ts";
import { forgetProcess, rememberProcess } from "./leftovers.ts";
import { ping } from "./probe.ts";
import { isStopped } from "./process-stat.ts";

/** What one run of an instance's program needs. */
export interface Launch {
  readonly argv: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly address: Address;
}

/** How patient an engine is with its instances, in milliseconds. */
export interface Patience {
  /** Between SIGTERM and SIGKILL. */
  readonly graceMs: number;
  /** Between leaving `ready` and SIGTERM when a fleet shrinks: routes are taken away first. */
  readonly drainMs: number;
  readonly pingTimeoutMs: number;
  readonly pingIntervalMs: number;
  /**
   * So many unanswered pings in a row end an instance; a stopped process ends at the first. A server with one thread
   * answers no ping while it works on an invocation, which may take 60 s.
   */
  readonly pingMisses: number;
  /** A restarted instance that stayed ready for so long starts again without backoff. */
  readonly stableMs: number;
}

/** What an instance asks of its fleet. */
export interface InstanceOwner {
  readonly clock: Clock;
  readonly random: Random;
  readonly patience: Patience;
  readonly startupTimeoutMs: number;
  readonly logBytes: number;
  /** Whether any instance of the fleet was ready yet: from then on failures are retried. */
  readonly provenGood: boolean;
  /** Everything up to the program's start; moves the instance to `downloading` meanwhile. */
  prepare(instance: Instance): Promise<Launch>;
  /** Turns a rejection of `prepare` into a failure. */
  explain(error: unknown): FleetFailure;
  /** Turns the program's own end into one. */
  explainExit(exit: Exit, tail: readonly string[], wasReady: boolean): Omit<FleetFailure, "logTail">;
  changed(): void;
  failed(failure: FleetFailure, instance: Instance): void;
}

/** A ping to a socket that is not there yet costs next to nothing, so the first second looks often. */
const FIRST_POLL_MS = 10;
const FAST_POLL_MS = 1000;
const LAST_POLL_MS = 500;

/** One member of a fleet: starts its program, waits until it is ready, watches it, and starts it again when it dies. */
export class Instance {
  readonly id: string;
  readonly folder: string;
  readonly log: InstanceLog;
  readonly #owner: InstanceOwner;
  readonly #stopping = new AbortController();
  readonly #timeline: Partial<Record<InstancePhase, number>> = {};
  #phase: InstancePhase = "pending";
  #address: Address | undefined;
  #child: Child | undefined;
  #restarts = 0;
  /** Failures in a row, for the backoff. */
  #failures = 0;
  #drainMs = 0;
  readonly gone: Promise<void>;

  constructor(id: string, folder: string, owner: InstanceOwner) {
    this.id = id;
    this.folder = folder;
    this.#owner = owner;
    mkdirSync(folder, { recursive: true, mode: 0o750 });
    this.log = new InstanceLog(join(folder, "log"), owner.logBytes);
    this.#timeline.pending = owner.clock.now();
    this.gone = this.#live();
  }

  get status(): InstanceStatus {
    return {
      id: this.id,
      phase: this.#phase,
      ...(this.#address && this.#phase === "ready" && { address: this.#address }),
      ...(this.#child && { pid: this.#child.pid }),
      timeline: { ...this.#timeline },
      restarts: this.#restarts,
    };
  }

  get signal(): AbortSignal {
    return this.#stopping.signal;
  }

  /** Leaves `ready` at once; after the drain SIGTERM, grace, SIGKILL. Resolves when the process is gone. */
  stop(drain: boolean): Promise<void> {
    if (!this.#stopping.signal.aborted) {
      if (drain && this.#phase === "ready") this.#drainMs = this.#owner.patience.drainMs;
      if (this.#child) this.enter("stopping");
      this.#stopping.abort(new Error("the instance is stopped"));
    }
    return this.gone;
  }

  enter(phase: InstancePhase): void {
    if (this.#phase === phase) return;
    this.#phase = phase;
    this.#timeline[phase] = this.#owner.clock.now();
    this.#owner.changed();
  }

  async #live(): Promise<void> {
    // The fleet adds the instance to its list before anything happens to it.
    await Promise.resolve();
    while (!this.signal.aborted) {
      const failure = await this.#run();
      if (this.signal.aborted) break;
      this.enter("exited");
      if (!this.#owner.provenGood) {
        this.#owner.failed(failure, this);
        break;
      }
      this.#failures += 1;
      this.#restarts += 1;
      this.#owner.failed(failure, this);
      const delay = backoffMs(this.#failures, this.#owner.random);
      await sleep(this.#owner.clock, delay, this.signal).catch(() => {});
    }
    this.enter("exited");
    this.log[Symbol.dispose]();
  }

  /** One run of the program, to its end: why it ended. */
  async #run(): Promise<FleetFailure> {
    let child: Child;
    let launch: Launch;
    this.log.restart();
    try {
      launch = await this.#owner.prepare(this);
      this.signal.throwIfAborted();
      if (launch.address.kind === "unix") rmSync(launch.address.path, { force: true });
      child = await startChild({ ...launch, folder: this.folder }, this.log, this.#owner.clock);
      await rememberProcess(this.folder, child).catch(async (error: unknown) => {
        await child.stop(0);
        throw error;
      });
    } catch (error) {
      return this.#owner.explain(error);
    }
    this.#child = child;
    if (!this.signal.aborted) this.enter("starting");
    const over = new AbortController();
    void child.ended.then(() => over.abort());
    const failure = await this.#watch(launch.address, child.pid, AbortSignal.any([over.signal, this.signal]));
    const wasReady = this.#phase === "ready";
    this.enter(this.signal.aborted ? "stopping" : "exited");
    const exit = await this.#end(child, failure !== undefined);
    this.#child = undefined;
    forgetProcess(this.folder);
    return {
      ...(failure ?? this.#owner.explainExit(exit, this.log.tail(), wasReady)),
      logTail: this.log.tail(),
    };
  }

  /** Until the program is not to be watched any more: undefined, or what is wrong with it. */
  async #watch(
    address: Address,
    pid: number,
    over: AbortSignal,
  ): Promise<Omit<FleetFailure, "logTail"> | undefined> {
    const { clock, patience, startupTimeoutMs } = this.#owner;
    const began = clock.monotonic();
    let pause = FIRST_POLL_MS;
    for (;;) {
      const answer = await ping(address, patience.pingTimeoutMs, clock, over);
      if (over.aborted) return undefined;
      if (answer === 200) break;
      const spent = clock.monotonic() - began;
      if (spent >= startupTimeoutMs)
        return { reason: "startup-timeout", message: startupSentence(startupTimeoutMs, answer) };
      await sleep(clock, Math.min(pause, startupTimeoutMs - spent), over).catch(() => {});
      if (spent > FAST_POLL_MS) pause = Math.min(pause * 1.5, LAST_POLL_MS);
    }
    this.#address = address;
    this.enter("ready");

    const readyAt = clock.monotonic();
    for (let misses = 0; misses < patience.pingMisses;) {
      await sleep(clock, patience.pingIntervalMs, over).catch(() => {});
      const answer = over.aborted ? undefined : await ping(address, patience.pingTimeoutMs, clock, over);
      if (over.aborted) return undefined;
      misses = answer === 200 ? 0 : isStopped(pid) ? patience.pingMisses : misses + 1;
      if (clock.monotonic() - readyAt > patience.stableMs) this.#failures = 0;
    }
    return {
      reason: "crash",
      message: "The model's server does not answer GET /ping any more and is replaced.",
    };
  }

  async #end(child: Child, kill: boolean): Promise<Exit> {
    const { clock, patience } = this.#owner;
    if (this.#drainMs) await Promise.race([sleep(clock, this.#drainMs), child.ended]);
    return child.stop(kill ? 0 : patience.graceMs);
  }
}

function startupSentence(timeoutMs: number, answer: number | string): string {
  const found =
    typeof answer === "number"
      ? `the last answer was HTTP ${answer}`
      : answer === "ENOENT" || answer === "ECONNREFUSED"
        ? "it does not listen where it was told to"
        : `the last attempt ended with ${answer}`;
  return (
    `The model's server did not answer GET /ping with 200 within ${timeoutMs / 1000} s: ${found}. ` +
    `See its log, or raise ContainerStartupHealthCheckTimeoutInSeconds.`
  );
}

/** 1 s, 2 s, 4 s ... 60 s, each at a random point of its second half, so that instances do not start in step. */
export function backoffMs(failures: number, random: Random): number {
  const full = Math.min(60_000, 1000 * 2 ** Math.min(failures - 1, 16));
  return full / 2 + (full / 2) * random.number();
}
