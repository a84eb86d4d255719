import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";

import type { Clock } from "../../base/clock.ts";
import type { Log } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import type { Artifacts } from "../artifacts.ts";
import type { ArtifactSource, Engine, FleetSpec, FleetStatus } from "../engine.ts";
import type { ImageAliases } from "../images.ts";
import { Fleet, type Workshop } from "./fleet.ts";
import type { Patience } from "./instance.ts";
import { killLeftovers } from "./leftovers.ts";
import { mergeLogs } from "./merge-logs.ts";
import { pythonFinder } from "./python.ts";

export interface ProcessEngineOptions {
  /** Where instances have their folders. One engine at a time. */
  readonly dir: string;
  readonly artifacts: Artifacts;
  readonly aliases: ImageAliases;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly region: string;
  readonly nodePath: string;
  readonly modelServerPath: string;
  /** A name on the PATH or a file. */
  readonly pythonPath: string;
  readonly scriptServerPath: string;
  /** The engine's own environment: instances get a few variables of it. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly patience?: Partial<Patience>;
  /** How much of each instance's log is kept. */
  readonly logBytes?: number;
}

const PATIENCE: Patience = {
  graceMs: 30_000,
  drainMs: 1000,
  pingTimeoutMs: 2000,
  pingIntervalMs: 5000,
  pingMisses: 10,
  stableMs: 60_000,
};
const LOG_BYTES = 10 * 1024 * 1024;
/** sockaddr_un holds 104 bytes on macOS and 108 on Linux, with the closing NUL. */
const LONGEST_SOCKET_PATH = 103;

/** Runs each instance as a process of this machine. Ends what an earlier engine on the same folder left running. */
export function openProcessEngine(options: ProcessEngineOptions): Engine {
  return new ProcessEngine(options);
}

class ProcessEngine implements Engine {
  readonly #dir: string;
  readonly #sockets: string;
  readonly #workshop: Workshop;
  readonly #fleets = new Map<string, Fleet>();
  readonly #deleting = new Map<string, Promise<void>>();
  readonly #watchers = new Set<(fleet: string) => void>();
  #closed = false;

  constructor(options: ProcessEngineOptions) {
    const { dir, clock, random, log, artifacts, aliases, env } = options;
    mkdirSync(dir, { recursive: true, mode: 0o750 });
    const killed = killLeftovers(dir);
    if (killed.length) log.warn("Ended processes that an earlier run left behind.", { pids: killed });
    this.#dir = dir;
    this.#sockets = socketFolder(dir);
    this.#workshop = {
      clock,
      random,
      log,
      artifacts,
      aliases,
      region: options.region,
      inherited: env,
      programs: {
        nodePath: options.nodePath,
        modelServerPath: options.modelServerPath,
        python: pythonFinder(options.pythonPath, env),
        scriptServerPath: options.scriptServerPath,
        compileCache: join(dir, ".compile-cache"),
      },
      patience: { ...PATIENCE, ...options.patience },
      logBytes: options.logBytes ?? LOG_BYTES,
      socketPath: (instance) => {
        const folder = join(this.#sockets, createHash("sha256").update(instance).digest("hex").slice(0, 12));
        mkdirSync(folder, { recursive: true, mode: 0o700 });
        return join(folder, "s");
      },
    };
  }

  async apply(spec: FleetSpec): Promise<FleetStatus> {
    if (this.#closed) throw new Error("The engine is closed.");
    if (!/^[a-z0-9-]+$/.test(spec.id))
      throw new Error(`The fleet id ${JSON.stringify(spec.id)} is not [a-z0-9-]+.`);
    await this.#deleting.get(spec.id);
    const known = this.#fleets.get(spec.id);
    if (!known) {
      const fleet: Fleet = new Fleet(spec, join(this.#dir, spec.id), this.#workshop, () =>
        this.#notify(spec.id),
      );
      this.#fleets.set(spec.id, fleet);
      this.#notify(spec.id);
      return fleet.status;
    }
    if (fixedPart(known.spec) !== fixedPart(spec))
      throw new Error(
        `The fleet ${spec.id} runs another container or instance type: give the new one an id of its own.`,
      );
    if (JSON.stringify(known.spec) !== JSON.stringify(spec)) known.apply(spec);
    return known.status;
  }

  status(id: string): FleetStatus | undefined {
    return this.#fleets.get(id)?.status;
  }

  fleets(): readonly FleetStatus[] {
    return [...this.#fleets.values()].map((fleet) => fleet.status);
  }

  delete(id: string): Promise<void> {
    const running = this.#deleting.get(id);
    if (running) return running;
    const fleet = this.#fleets.get(id);
    if (!fleet) {
      // A fleet of an earlier run has left its logs.
      if (/^[a-z0-9-]+$/.test(id)) rmSync(join(this.#dir, id), { recursive: true, force: true });
      return Promise.resolve();
    }
    const deletion = fleet.delete().finally(() => {
      this.#fleets.delete(id);
      this.#deleting.delete(id);
      this.#notify(id);
    });
    this.#deleting.set(id, deletion);
    return deletion;
  }

  watch(watcher: (fleet: string) => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  logs(
    id: string,
    options: { follow: boolean; signal: AbortSignal },
  ): AsyncIterable<{ instance: string; line: string }> {
    return mergeLogs(
      () => this.#fleets.get(id)?.instances,
      (changed) => this.watch((fleet) => fleet === id && changed()),
      options,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#fleets.keys()].map((id) => this.delete(id)));
    rmSync(this.#sockets, { recursive: true, force: true });
  }

  #notify(fleet: string): void {
    for (const watcher of this.#watchers) watcher(fleet);
  }
}

/** What can not change under a running fleet. Digests may be added: they only say what the fleet found. */
function fixedPart({ container, instanceType }: FleetSpec): string {
  const { artifact, code, ...rest } = container;
  const place = (source: ArtifactSource | undefined) =>
    source && [source.uri, source.dataType, source.compression];
  return JSON.stringify([rest, place(artifact), place(code), instanceType]);
}

/**
 * A folder that only this user can enter, with a short path whatever the data folder's is.
 * Its name is kept in the data folder, so that the next engine removes it when this one is killed.
 */
function socketFolder(dir: string): string {
  const note = join(dir, ".sockets");
  try {
    const left = readFileSync(note, "utf8");
    if (/^tideway-[\w]{6}$/.test(basename(left))) rmSync(left, { recursive: true, force: true });
  } catch {
    // There was no engine here before.
  }
  const longest = `${tmpdir()}/tideway-abcdef/0123456789ab/s`;
  const folder = mkdtempSync(
    `${Buffer.byteLength(longest) > LONGEST_SOCKET_PATH ? "/tmp" : tmpdir()}/tideway-`,
  );
  writeFileSync(note, folder, { mode: 0o600 });
  return folder;
}
