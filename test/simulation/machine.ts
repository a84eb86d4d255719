import type { FleetSpec } from "../../src/compute/engine.ts";
import type { Chronicle } from "./chronicle.ts";
import type { Dice } from "./dice.ts";
import type { Gateway } from "./gateways.ts";
import type { VirtualTime } from "./virtual-time.ts";

/** Why a process ended that did not end by itself when it was asked to. */
export const GRACE_OVER = "its grace is over";

/** What the id of a fleet begins with that no endpoint owns. */
export const ORPHAN = "0bad0bad";

/** What a model's server does when it is started. */
export type Behaviour = "good" | "slow" | "flaky" | "crashes" | "never-healthy" | "deaf-to-sigterm";

/** What an engine leaves with a process, for the engine that takes it over. */
export interface Note {
  readonly spec: FleetSpec;
  readonly slot: number;
  readonly digest: string | undefined;
  provenGood: boolean;
}

/** A request that an instance works on. */
export interface Request {
  readonly gateway: Gateway;
  cut(why: string): void;
}

export interface Process {
  readonly pid: number;
  readonly id: string;
  readonly note: Note;
  readonly behaviour: Behaviour;
  /** Answers requests, and pings. */
  listening: boolean;
  listeningSince: number;
  stopping: boolean;
  /** Stopped because its fleet has too many: it has its grace for what is in flight, and no more. */
  shrunk: boolean;
  alive: boolean;
  readonly requests: Set<Request>;
}

/** Who hears of processes: the engine of the control that lives. */
export interface ProcessListener {
  listens(process: Process): void;
  exited(process: Process): void;
}

/** The machine without control: processes that outlive it, and artifacts that outlive them. */
export class Machine {
  readonly processes = new Map<number, Process>();
  /** What each artifact's address holds now. */
  readonly artifacts = new Map<string, string>();
  /** Digests of what was fetched once and is kept on disk. */
  readonly cached = new Set<string>();
  listener: ProcessListener | undefined;
  /** When an instance of a fleet last died or was gone without being asked to. */
  readonly lastDeath = new Map<string, number>();
  readonly #time: VirtualTime;
  readonly #dice: Dice;
  readonly #chronicle: Chronicle;
  #lastPid = 0;
  calm = false;

  constructor(time: VirtualTime, dice: Dice, chronicle: Chronicle) {
    this.#time = time;
    this.#dice = dice;
    this.#chronicle = chronicle;
  }

  start(id: string, behaviour: Behaviour, note: Note): Process {
    const process: Process = {
      pid: ++this.#lastPid,
      id,
      note,
      behaviour,
      listening: false,
      listeningSince: Infinity,
      stopping: false,
      shrunk: false,
      alive: true,
      requests: new Set(),
    };
    this.processes.set(process.pid, process);
    this.#chronicle.note(`process ${process.pid} of ${id} starts (${behaviour})`);
    const crashes =
      behaviour === "crashes" || (behaviour === "flaky" && !this.calm && this.#dice.chance(0.4));
    if (crashes) {
      this.#time.after(this.#dice.between(20, 4_000), () => this.kill(process, "it crashes at its start"));
      this.#chronicle.fault("an instance crashes at its start");
    } else if (behaviour === "never-healthy") this.#chronicle.fault("an instance is never healthy");
    else this.#time.after(this.#coldStart(behaviour), () => this.#listen(process));
    return process;
  }

  /** SIGTERM: takes no new request, ends when it has answered what it has, and at the end of its grace at the latest. */
  stop(process: Process, graceMs: number): void {
    if (process.stopping || !process.alive) return;
    process.stopping = true;
    process.listening = false;
    this.#time.after(graceMs, () => this.kill(process, GRACE_OVER));
    if (process.behaviour === "deaf-to-sigterm") this.#chronicle.fault("an instance ignores SIGTERM");
    else if (process.requests.size === 0)
      this.#time.after(this.#dice.between(1, 200), () => this.kill(process, "it was asked to"));
  }

  kill(process: Process, why: string): void {
    if (!process.alive) return;
    this.#chronicle.note(`process ${process.pid} of ${process.id} ends: ${why}`);
    if (!process.stopping) this.lastDeath.set(process.note.spec.id, this.#time.now);
    process.alive = false;
    process.listening = false;
    this.processes.delete(process.pid);
    for (const request of process.requests) request.cut(why);
    process.requests.clear();
    this.#time.after(this.#dice.between(0, 90), () => this.listener?.exited(process));
  }

  /** The process neither works nor ends: nothing but a missing ping shows it. */
  hang(process: Process): void {
    process.listening = false;
    this.lastDeath.set(process.note.spec.id, this.#time.now);
    for (const request of process.requests) request.cut("it hangs");
    process.requests.clear();
    this.#time.after(this.#dice.between(5_000, 50_000), () => this.kill(process, "it answers no ping"));
  }

  /** The power fails: every process is gone, and nobody is told. */
  crash(): void {
    this.listener = undefined;
    for (const process of this.processes.values()) this.kill(process, "the machine dies");
  }

  /** The process behind a socket. */
  at(path: string): Process | undefined {
    return this.processes.get(Number(path.slice("/run/".length)));
  }

  /** One request less. */
  released(process: Process): void {
    if (process.stopping && process.requests.size === 0 && process.behaviour !== "deaf-to-sigterm")
      this.kill(process, "it was asked to, and has answered all");
  }

  #listen(process: Process): void {
    if (!process.alive || process.stopping) return;
    process.listening = true;
    process.listeningSince = this.#time.now;
    this.listener?.listens(process);
  }

  #coldStart(behaviour: Behaviour): number {
    return behaviour === "slow" ? this.#dice.between(5_000, 40_000) : this.#dice.between(30, 3_000);
  }
}
