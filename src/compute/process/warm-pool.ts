/**
 * Processes of the built-in model server that were started ahead: booted, every runtime loaded, no model, nobody's
 * environment. The next instance takes one in place of a start of its own, so that what is left is to load its model.
 */
import { linkSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";

import type { Clock } from "../../base/clock.ts";
import { CHANNEL_USES } from "../../base/instance-channel.ts";
import type { Log } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import type { Address } from "../engine.ts";
import type { Confinement, Isolation } from "../isolation/isolation.ts";
import { backoffMs } from "./backoff.ts";
import {
  builtinAddress,
  builtinCommand,
  inheritedVariables,
  layOutBaseFolder,
  type Programs,
} from "./launch.ts";
import type { HostedProcess, ProcessHost } from "./process-host.ts";

export interface WarmPoolOptions {
  /** Where workers have their folders. */
  readonly dir: string;
  readonly host: ProcessHost;
  readonly isolation: Isolation | undefined;
  readonly programs: Programs;
  /** The engine's own environment. */
  readonly inherited: Readonly<Record<string, string | undefined>>;
  readonly logBytes: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** How many there should be now. */
  readonly wanted: () => number;
  /** Whether an instance is on its way: then none is started, for it would take the cores that that one needs. */
  readonly busy: () => boolean;
}

/** What the host keeps with a worker that nobody has taken. */
interface WarmNote {
  readonly warm: true;
}

interface Worker {
  readonly process: HostedProcess;
  readonly confinement: Confinement | undefined;
}

/** A worker that became an instance's, in its own folder, with the limits of the instance. */
export interface TakenWorker {
  readonly process: HostedProcess;
  readonly address: Address;
  readonly folder: string;
  /** The model's folder as the worker sees it. */
  readonly modelDir: string;
  readonly confinement: Confinement | undefined;
}

/** In no fleet's id. */
const PREFIX = "_warm-";
/** A look at what there should be is due so long after a change: by then most starts are over. */
const LOOK_MS = 1000;
/** One that has not loaded everything after so long never will. */
const STARTUP_MS = 60_000;
/** More files are not linked while others wait. */
const MOST_FILES = 100;

export class WarmPool implements Disposable {
  readonly #options: WarmPoolOptions;
  readonly #workers = new Set<Worker>();
  readonly #cancelWaits = new Set<() => void>();
  #cancelLook: (() => void) | undefined;
  #failures = 0;
  #notBefore = 0;
  #closed = false;

  /** Takes over what an earlier engine's pool left. */
  constructor(options: WarmPoolOptions) {
    this.#options = options;
    for (const process of options.host.processes()) {
      if (!(process.note as Partial<WarmNote>).warm) continue;
      const { id, pid } = process;
      this.#add({ process, confinement: options.isolation?.adopt({ id, pid, instanceType: "" }) });
    }
    this.lookSoon();
  }

  /** What should be may be something else now. */
  lookSoon(): void {
    if (this.#closed) return;
    const { clock, random, log } = this.#options;
    this.#cancelLook ??= clock.after(LOOK_MS, () => {
      this.#cancelLook = undefined;
      this.#look().catch((error: unknown) => {
        this.#notBefore = clock.monotonic() + backoffMs((this.#failures += 1), random);
        log.warn("A warm worker could not be started.", { error });
        this.lookSoon();
      });
    });
  }

  /** A worker for an instance, told nothing yet; undefined where there is none or it can not have this model. */
  take(model: {
    readonly dir: string;
    readonly files: readonly string[];
    readonly instanceType: string;
  }): TakenWorker | undefined {
    const { isolation, log } = this.#options;
    const worker = [...this.#workers].find(({ process }) => process.mark === "waiting" && !process.exit);
    if (!worker || model.files.length > MOST_FILES) return undefined;
    this.#workers.delete(worker);
    this.lookSoon();
    const { id } = worker.process;
    const folder = join(this.#options.dir, id);
    try {
      let modelDir = model.dir;
      if (isolation?.level.sandbox === "bubblewrap") {
        modelDir = join(folder, "model");
        linkFiles(model.dir, model.files, modelDir);
      }
      layOutBaseFolder(folder, modelDir);
      const confinement = isolation?.resize({ id, instanceType: model.instanceType });
      worker.confinement?.leave();
      return { process: worker.process, address: this.#address(id), folder, modelDir, confinement };
    } catch (error) {
      log.warn("A warm worker could not be used.", { error });
      void this.#end(worker);
      return undefined;
    }
  }

  /** Leaves the workers to the host, for a later engine. */
  [Symbol.dispose](): void {
    this.#closed = true;
    this.#cancelLook?.();
    for (const cancel of this.#cancelWaits) cancel();
    for (const { confinement } of this.#workers) confinement?.leave();
  }

  async #look(): Promise<void> {
    const { busy, wanted, clock } = this.#options;
    this.#sweep();
    const missing = wanted() - this.#workers.size;
    for (const worker of [...this.#workers].slice(0, Math.max(0, -missing))) void this.#end(worker);
    if (missing <= 0) return;
    if (busy() || clock.monotonic() < this.#notBefore) return this.lookSoon();
    await this.#start();
    if (missing > 1) this.lookSoon();
  }

  async #start(): Promise<void> {
    const { dir, host, isolation, programs, random, inherited, logBytes } = this.#options;
    const id = PREFIX + random.uuid().slice(0, 6);
    const folder = join(dir, id);
    const address = this.#address(id);
    const modelDir = join(folder, "model");
    for (const made of [modelDir, dirname(address.path)]) mkdirSync(made, { recursive: true, mode: 0o700 });
    layOutBaseFolder(folder, modelDir);
    const command = builtinCommand(programs, CHANNEL_USES.wait);
    const confinement = await isolation?.confine({
      id,
      instanceType: "",
      argv: command.argv,
      folder,
      modelDir,
      readable: command.readable,
      shown: [programs.compileCache],
      writable: [dirname(address.path)],
      onPort: false,
    });
    const worker = await host
      .start({
        id,
        argv: confinement?.argv ?? command.argv,
        environment: {
          ...inheritedVariables(inherited),
          ...command.environment,
          HOME: folder,
          TIDEWAY_SOCKET: address.path,
        },
        folder,
        log: { path: join(folder, "log"), maxBytes: logBytes },
        note: { warm: true } satisfies WarmNote,
        channel: true,
      })
      .catch(async (error: unknown) => {
        await confinement?.[Symbol.asyncDispose]();
        throw error;
      });
    confinement?.watch(worker.pid);
    this.#add({ process: worker, confinement });
  }

  #add(worker: Worker): void {
    const { process } = worker;
    this.#workers.add(worker);
    const cancel = this.#options.clock.after(STARTUP_MS, () => this.#lost(worker, "is not ready in time"));
    this.#cancelWaits.add(cancel);
    void process.reached("waiting").then(() => {
      cancel();
      this.#cancelWaits.delete(cancel);
      this.#failures = 0;
    });
    process.ended.then(
      () => {
        cancel();
        this.#cancelWaits.delete(cancel);
        this.#lost(worker, "ended");
      },
      () => {},
    );
  }

  /** It can not be used, unless somebody has it already. */
  #lost(worker: Worker, what: string): void {
    const { clock, log, random } = this.#options;
    if (this.#closed || !this.#workers.has(worker)) return;
    this.#notBefore = clock.monotonic() + backoffMs((this.#failures += 1), random);
    const { id, exit } = worker.process;
    log.warn(`A warm worker ${what}, and is replaced.`, { worker: id, ...exit });
    void this.#end(worker);
  }

  /** Never rejects: what could not be removed is removed when the next engine opens. */
  async #end(worker: Worker): Promise<void> {
    const { process, confinement } = worker;
    this.#workers.delete(worker);
    try {
      await process.stop(0);
      process.forget();
      await confinement?.[Symbol.asyncDispose]();
    } catch (error) {
      this.#options.log.warn("A warm worker could not be ended.", { error });
    }
    this.lookSoon();
  }

  /** Removes the folders of workers that are gone, also of those that were taken. */
  #sweep(): void {
    const { dir, host } = this.#options;
    const there = new Set(host.processes().map(({ id }) => id));
    for (const parent of [dir, host.runDir])
      for (const name of foldersIn(parent))
        if (name.startsWith(PREFIX) && !there.has(name))
          rmSync(join(parent, name), { recursive: true, force: true });
  }

  #address(id: string) {
    return builtinAddress(join(this.#options.host.runDir, id, "s"));
  }
}

/** A sandbox shows the folder that was made for it: so the files themselves go there, as further names of theirs. */
function linkFiles(from: string, files: readonly string[], to: string): void {
  for (const file of files) {
    mkdirSync(dirname(join(to, file)), { recursive: true });
    linkSync(join(from, file), join(to, file));
  }
}

function foldersIn(dir: string): string[] {
  try {
    return readdirSync(dir);
  } catch {
    return [];
  }
}
