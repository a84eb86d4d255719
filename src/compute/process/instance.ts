import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";

import { sleep, type Clock } from "../../base/clock.ts";
import type { Random } from "../../base/random.ts";
import type { Address, FleetFailure, InstancePhase, InstanceStatus } from "../engine.ts";
import type { Confinement } from "../isolation/isolation.ts";
import { programOf } from "../isolation/process-tree.ts";
import { backoffMs } from "./backoff.ts";
import { InstanceLog } from "./instance-log.ts";
import type { Adopted, FleetNote, InstanceNote } from "./instance-note.ts";
import { ping } from "./probe.ts";
import type { Exit, HostedProcess, ProcessHost } from "./process-host.ts";
import { isStopped } from "./process-stat.ts";

/** What one run of an instance's program needs. */
export interface Launch {
  /** A process that waits for its work, in place of a start. */
  readonly warm: HostedProcess | undefined;
  readonly argv: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly address: Address;
  readonly confinement: Confinement | undefined;
}

/** How patient an engine is with its instances, in milliseconds. */
export interface Patience {
  /** Between SIGTERM and SIGKILL. */
  readonly graceMs: number;
  /**
   * Between leaving `ready` and SIGTERM when a fleet shrinks: routes are taken away, and requests in flight end. The
   * longest may take 60 s, and a program need not finish what it has begun when it gets SIGTERM.
   */
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
  readonly host: ProcessHost;
  readonly patience: Patience;
  readonly startupTimeoutMs: number;
  readonly logBytes: number;
  /** Whether any instance of the fleet was ready yet: from then on failures are retried. */
  readonly provenGood: boolean;
  /** Whether it is our own server: that tells when it serves, and answers pings while it works. */
  readonly isBuiltin: boolean;
  /** What each process of the fleet carries with it. */
  readonly note: FleetNote;
  /** Everything up to the program's start; moves the instance to `downloading` meanwhile. */
  prepare(instance: Instance): Promise<Launch>;
  /** The limits of a program that an earlier engine started. */
  confinementOf(process: HostedProcess): Confinement | undefined;
  /** What is done once the server answers pings, before anybody's request; resolves with why it can not serve. */
  warmUp(
    instance: Instance,
    address: Address,
    over: AbortSignal,
  ): Promise<Omit<FleetFailure, "logTail"> | undefined>;
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

/** How soon a suspected server is asked again. */
const SUSPICION_POLL_MS = 100;

/**
 * One member of a fleet: starts its program, or takes over the one that an earlier engine started; waits until it is
 * ready, watches it, and starts it again when it dies.
 */
export class Instance {
  readonly id: string;
  readonly folder: string;
  readonly log: InstanceLog;
  readonly #slot: number;
  readonly #owner: InstanceOwner;
  readonly #stopping = new AbortController();
  /** Nobody's request is waited for any more. */
  readonly #drained = new AbortController();
  readonly #timeline: Partial<Record<InstancePhase, number>> = {};
  #suspicion = new AbortController();
  #phase: InstancePhase = "pending";
  #address: Address | undefined;
  #process: HostedProcess | undefined;
  #confinement: Confinement | undefined;
  #restarts = 0;
  /** Failures in a row, for the backoff. */
  #failures = 0;
  #drainMs = 0;
  #detached = false;
  readonly gone: Promise<void>;

  constructor(id: string, slot: number, folder: string, owner: InstanceOwner, adopted?: Adopted) {
    this.id = id;
    this.folder = folder;
    this.#slot = slot;
    this.#owner = owner;
    mkdirSync(folder, { recursive: true, mode: 0o750 });
    this.log = new InstanceLog(join(folder, "log"), owner.clock);
    if (adopted) {
      const { process, note } = adopted;
      this.#process = process;
      this.#address = note.address;
      this.#restarts = note.restarts;
      Object.assign(this.#timeline, note.timeline);
      // At once: an instance that serves must not be missing from the first route that this engine's fleets make.
      this.#phase = process.exit ? "exited" : note.phase;
    } else this.#timeline.pending = owner.clock.now();
    this.gone = this.#live(adopted);
    if (adopted?.note.phase === "stopping") void this.stop(true);
  }

  get status(): InstanceStatus {
    return {
      id: this.id,
      phase: this.#phase,
      ...(this.#address && this.#phase === "ready" && { address: this.#address }),
      ...(this.#process && !this.#process.exit && { pid: this.#process.pid }),
      timeline: { ...this.#timeline },
      restarts: this.#restarts,
    };
  }

  /** Whether its process was started ahead, as a warm worker. */
  get isFromPool(): boolean {
    return this.#process !== undefined && this.#process.id !== this.id;
  }

  get signal(): AbortSignal {
    return this.#stopping.signal;
  }

  /**
   * Leaves `ready` at once; after the drain SIGTERM, grace, SIGKILL. Resolves when the process is gone. Without a drain
   * it also ends one that is under way.
   */
  stop(drain: boolean): Promise<void> {
    if (!drain) this.#drained.abort();
    if (!this.#stopping.signal.aborted) {
      this.#drainMs = drain ? this.#drainLeft() : 0;
      if (this.#process) this.enter("stopping");
      this.#stopping.abort(new Error("the instance is stopped"));
    }
    return this.gone;
  }

  /** An earlier engine may have begun to drain it. */
  #drainLeft(): number {
    const { clock, patience } = this.#owner;
    if (this.#phase === "ready") return patience.drainMs;
    const since = this.#timeline.stopping;
    if (this.#phase !== "stopping" || since === undefined) return 0;
    return Math.min(patience.drainMs, Math.max(0, since + patience.drainMs - clock.now()));
  }

  /** Lets go of the process: it runs on, for a later engine. One that is being stopped is not waited for. */
  async detach(): Promise<void> {
    if (this.signal.aborted) return;
    this.#detached = true;
    this.#stopping.abort(new Error("the engine is closed"));
    await this.gone;
  }

  /** Somebody who sent it a request doubts that it lives: it is asked at once. */
  suspect(): void {
    this.#suspicion.abort();
  }

  enter(phase: InstancePhase): void {
    if (this.#phase === phase) return;
    this.#phase = phase;
    this.#timeline[phase] = this.#owner.clock.now();
    this.#owner.changed();
    if (this.#process && this.#address) this.#process.annotate(this.#note(this.#address));
  }

  async #live(adopted: Adopted | undefined): Promise<void> {
    // The fleet adds the instance to its list before anything happens to it.
    await Promise.resolve();
    let failure = await this.#run(adopted);
    while (failure && !this.signal.aborted) {
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
      if (!this.signal.aborted) failure = await this.#run();
    }
    if (!this.#detached) this.enter("exited");
    this.log[Symbol.dispose]();
  }

  /** One run of the program, to its end: why it ended. Undefined when the engine lets go of it. */
  async #run(adopted?: Adopted): Promise<FleetFailure | undefined> {
    try {
      const process = adopted?.process ?? (await this.#start());
      this.#process = process;
      if (adopted) this.#confinement = this.#owner.confinementOf(process);
      else this.#confinement?.watch(process.pid);
      const over = new AbortController();
      const ended = () => over.abort();
      void process.ended.then(ended, ended);
      if (process.exit) ended();
      else if (!adopted && !this.signal.aborted) this.enter("starting");
      const wrong = await this.#watch(process, AbortSignal.any([over.signal, this.signal]), adopted);
      if (this.#detached) return undefined;
      const wasReady = (process.exit && adopted ? adopted.note.phase : this.#phase) === "ready";
      this.enter(this.signal.aborted ? "stopping" : "exited");
      const { logTail, ...exit } = await this.#end(process, wrong !== undefined);
      this.#process = undefined;
      process.forget();
      const excess = this.#confinement?.excess;
      if (excess) return { reason: "limit", message: excess, logTail };
      return { ...(wrong ?? this.#owner.explainExit(exit, logTail, wasReady)), logTail };
    } catch (error) {
      return this.#owner.explain(error);
    } finally {
      if (this.#detached) this.#confinement?.leave();
      else await this.#confinement?.[Symbol.asyncDispose]();
      this.#confinement = undefined;
    }
  }

  async #start(): Promise<HostedProcess> {
    const { host, logBytes, clock } = this.#owner;
    const { argv, environment, address, confinement, warm } = await this.#owner.prepare(this);
    this.#confinement = confinement;
    const log = { path: join(this.folder, "log"), maxBytes: logBytes };
    const note = () => ({
      ...this.#note(address),
      phase: "starting",
      timeline: { ...this.#timeline, starting: clock.now() },
    });
    if (warm) {
      this.#address = address;
      warm.assign({ work: { environment }, log, note: note() });
      return warm;
    }
    this.signal.throwIfAborted();
    if (address.kind === "unix")
      for (const path of [address.path, address.framesPath]) if (path) rmSync(path, { force: true });
    this.#address = address;
    return host.start({
      id: this.id,
      argv,
      environment,
      folder: this.folder,
      log,
      note: note(),
      channel: this.#owner.isBuiltin,
    });
  }

  #note(address: Address): InstanceNote {
    return {
      fleet: this.#owner.note,
      slot: this.#slot,
      address,
      phase: this.#phase,
      timeline: { ...this.#timeline },
      restarts: this.#restarts,
    };
  }

  /** Until the program is not to be watched any more: undefined, or what is wrong with it. */
  async #watch(
    process: HostedProcess,
    over: AbortSignal,
    adopted: Adopted | undefined,
  ): Promise<Omit<FleetFailure, "logTail"> | undefined> {
    if (over.aborted) return undefined;
    const address = this.#address!;
    if (this.#phase !== "ready") {
      const elapsed = adopted ? this.#owner.clock.now() - (this.#timeline.starting ?? 0) : 0;
      const slow = await this.#untilReady(address, process, over, Math.max(0, elapsed));
      if (over.aborted || slow) return slow;
      const cold = await this.#owner.warmUp(this, address, over);
      if (over.aborted || cold) return cold;
      this.enter("ready");
    }
    return this.#whileReady(address, process.pid, over);
  }

  /** Undefined when it answers; else why its time is up. */
  async #untilReady(
    address: Address,
    process: HostedProcess,
    over: AbortSignal,
    elapsedMs: number,
  ): Promise<Omit<FleetFailure, "logTail"> | undefined> {
    const { clock, patience, startupTimeoutMs, isBuiltin } = this.#owner;
    const began = clock.monotonic() - elapsedMs;
    const told = new AbortController();
    void process.reached("serving").then(() => told.abort());
    const wake = AbortSignal.any([over, told.signal]);
    // One that tells is asked only when it takes long, for its word may be lost.
    let pause = isBuiltin ? LAST_POLL_MS : FIRST_POLL_MS;
    let answer: number | string = "ENOENT";
    for (let look = 0; ; look += 1) {
      if (look > 0 || !isBuiltin) answer = await ping(address, patience.pingTimeoutMs, clock, wake);
      if (wake.aborted || answer === 200) return undefined;
      const spent = clock.monotonic() - began;
      if (spent >= startupTimeoutMs)
        return { reason: "startup-timeout", message: startupSentence(startupTimeoutMs, answer) };
      await sleep(clock, Math.min(pause, startupTimeoutMs - spent), wake).catch(() => {});
      if (spent > FAST_POLL_MS) pause = Math.min(pause * 1.5, LAST_POLL_MS);
    }
  }

  async #whileReady(
    address: Address,
    pid: number,
    over: AbortSignal,
  ): Promise<Omit<FleetFailure, "logTail"> | undefined> {
    const { clock, patience } = this.#owner;
    const readyAt = clock.monotonic();
    for (let misses = 0; misses < patience.pingMisses;) {
      const wake = AbortSignal.any([over, this.#suspicion.signal]);
      await sleep(clock, patience.pingIntervalMs, wake).catch(() => {});
      if (over.aborted) return undefined;
      const suspected = this.#suspicion.signal.aborted;
      if (suspected) this.#suspicion = new AbortController();
      const answer = await (suspected ? this.#insist(address, over) : this.#ping(address, over));
      if (over.aborted) return undefined;
      // A worker of it may have been ended, or a fork refused: what is left is not what was started.
      const excess = this.#confinement?.excess;
      if (excess) return { reason: "limit", message: excess };
      const hangs =
        isStopped(programOf(pid)) || (suspected && this.#owner.isBuiltin && typeof answer === "string");
      misses = answer === 200 ? 0 : hangs ? patience.pingMisses : misses + 1;
      if (clock.monotonic() - readyAt > patience.stableMs) this.#failures = 0;
    }
    return {
      reason: "crash",
      message: "The model's server does not answer GET /ping any more and is replaced.",
    };
  }

  #ping(address: Address, over: AbortSignal, timeoutMs = this.#owner.patience.pingTimeoutMs) {
    return ping(address, timeoutMs, this.#owner.clock, over);
  }

  /** Asks for a whole ping's time: a server whose queue of connections is full for a moment is not dead. */
  async #insist(address: Address, over: AbortSignal): Promise<number | string> {
    const { clock, patience } = this.#owner;
    const end = clock.monotonic() + patience.pingTimeoutMs;
    for (;;) {
      const answer = await this.#ping(address, over, Math.max(1, end - clock.monotonic()));
      const left = end - clock.monotonic();
      if (typeof answer === "number" || left <= 0 || over.aborted) return answer;
      await sleep(clock, Math.min(SUSPICION_POLL_MS, left), over).catch(() => {});
    }
  }

  async #end(process: HostedProcess, kill: boolean) {
    const { clock, patience } = this.#owner;
    const drained = () => this.#drained.abort();
    void process.ended.then(drained, drained);
    if (this.#drainMs) await sleep(clock, this.#drainMs, this.#drained.signal).catch(() => {});
    return process.stop(kill ? 0 : patience.graceMs);
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
