import { createHash } from "node:crypto";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";

import type { Clock } from "../../base/clock.ts";
import type { Log } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import type { Artifacts } from "../artifacts.ts";
import type {
  ArtifactSource,
  Engine,
  FleetSpec,
  FleetStatus,
  InstanceOutput,
  InstanceStatus,
} from "../engine.ts";
import type { ImageAliases } from "../images.ts";
import { fillCompileCache } from "../isolation/fill-compile-cache.ts";
import type { Isolation, IsolationLevel } from "../isolation/isolation.ts";
import { Fleet, type Workshop } from "./fleet.ts";
import type { Patience } from "./instance.ts";
import { adoptable, type Adopted } from "./instance-note.ts";
import type { Programs } from "./launch.ts";
import { mergeLogs } from "./merge-logs.ts";
import type { ProcessHost } from "./process-host.ts";
import { pythonFinder } from "./python.ts";
import { WarmPool } from "./warm-pool.ts";

export interface ProcessEngineOptions {
  /** Where instances have their folders. One engine at a time. */
  readonly dir: string;
  /** Runs the processes. It must outlive the engine. */
  readonly host: ProcessHost;
  /** Keeps instances apart; without it they may use all of the machine. Disposed of with the engine. */
  readonly isolation?: Isolation;
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
  /** Processes of the built-in server that are kept ready while a serverless fleet may need them. */
  readonly warmWorkers?: number;
  /** How much of each instance's log is kept. */
  readonly logBytes?: number;
}

const PATIENCE: Patience = {
  graceMs: 30_000,
  drainMs: 65_000,
  pingTimeoutMs: 2000,
  pingIntervalMs: 5000,
  pingMisses: 10,
  stableMs: 60_000,
};
const LOG_BYTES = 10 * 1024 * 1024;

/**
 * Runs each instance as a process of this machine. What the host runs already is taken over: it is listed among the
 * fleets from the first moment, also when nobody applies it again. Disposing of the engine leaves the processes to the host.
 */
export function openProcessEngine(options: ProcessEngineOptions): Engine {
  return new ProcessEngine(options);
}

class ProcessEngine implements Engine {
  readonly #dir: string;
  readonly #workshop: Workshop;
  readonly #fleets = new Map<string, Fleet>();
  readonly #deleting = new Map<string, Promise<void>>();
  readonly #watchers = new Set<(fleet: string) => void>();
  readonly #warmWorkers: WarmPool;
  #closed = false;

  constructor(options: ProcessEngineOptions) {
    const { dir, clock, random, log, host, artifacts, aliases, env } = options;
    mkdirSync(dir, { recursive: true, mode: 0o750 });
    this.#dir = dir;
    const programs: Programs = {
      nodePath: options.nodePath,
      modelServerPath: options.modelServerPath,
      python: pythonFinder(options.pythonPath, env),
      scriptServerPath: options.scriptServerPath,
      compileCache: join(dir, ".compile-cache"),
    };
    const logBytes = options.logBytes ?? LOG_BYTES;
    const { isolation, warmWorkers = 0 } = options;
    const shared = { clock, random, log, host, isolation, programs, logBytes, inherited: env };
    this.#warmWorkers = new WarmPool({
      ...shared,
      dir: join(dir, "_warm"),
      wanted: () => ([...this.#fleets.values()].some((fleet) => fleet.wantsWarmWorkers) ? warmWorkers : 0),
      busy: () =>
        [...this.#fleets.values()].some(({ instances }) =>
          instances.some(({ status }) => isUnderWay(status, clock.now())),
        ),
    });
    this.#workshop = {
      ...shared,
      warmWorkers: this.#warmWorkers,
      artifacts,
      aliases,
      region: options.region,
      patience: { ...PATIENCE, ...options.patience },
      socketPath: (instance) => {
        const folder = join(host.runDir, createHash("sha256").update(instance).digest("hex").slice(0, 12));
        mkdirSync(folder, { recursive: true, mode: 0o700 });
        return join(folder, "s");
      },
    };
    if (this.isolation?.sandbox === "bubblewrap")
      fillCompileCache(options.nodePath, options.modelServerPath, programs.compileCache);
    for (const adopted of adoptable(host.processes()).values()) this.#adopt(adopted);
  }

  get isolation(): IsolationLevel | undefined {
    return this.#workshop.isolation?.level;
  }

  async apply(spec: FleetSpec): Promise<FleetStatus> {
    if (this.#closed) throw new Error("The engine is closed.");
    if (!/^[a-z0-9-]+$/.test(spec.id))
      throw new Error(`The fleet id ${JSON.stringify(spec.id)} is not [a-z0-9-]+.`);
    await this.#deleting.get(spec.id);
    const known = this.#fleets.get(spec.id);
    if (!known) {
      const { status } = this.#add(spec);
      this.#notify(spec.id);
      return status;
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

  spec(id: string): FleetSpec | undefined {
    return this.#fleets.get(id)?.spec;
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
    // A fleet that could not be stopped stays in the list, so that it is stopped again.
    const deletion = fleet
      .delete()
      .then(() => void this.#fleets.delete(id))
      .finally(() => {
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

  suspect(instance: string): void {
    for (const fleet of this.#fleets.values()) fleet.instances.find(({ id }) => id === instance)?.suspect();
  }

  *outputs(only?: string): Generator<InstanceOutput> {
    for (const [fleet, { spec, instances }] of this.#fleets)
      if (only === undefined || only === fleet)
        for (const { id: instance, log, status } of instances)
          yield { fleet, spec, instance, path: log.path, ended: status.phase === "exited" };
  }

  logs(
    prefix: string,
    options: { follow: boolean; signal: AbortSignal },
  ): AsyncIterable<{ instance: string; line: string }> {
    const fleets = () => [...this.#fleets.values()].filter(({ spec }) => spec.id.startsWith(prefix));
    return mergeLogs(
      () => (fleets().length ? fleets().flatMap(({ instances }) => instances) : undefined),
      (changed) => this.watch((fleet) => fleet.startsWith(prefix) && changed()),
      options,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#warmWorkers[Symbol.dispose]();
    await Promise.all([...this.#fleets.values()].map((fleet) => fleet.detach()));
    await this.#workshop.isolation?.[Symbol.asyncDispose]();
  }

  /** No more instances than there are, until the fleet is applied: it may be one that nobody needs any more. */
  #adopt(adopted: readonly Adopted[]): void {
    const desired = adopted.filter(({ note }) => note.phase !== "stopping").length;
    this.#add({ ...adopted[0]!.note.fleet.spec, desired }, adopted);
  }

  #add(spec: FleetSpec, adopted?: readonly Adopted[]): Fleet {
    const changed = () => this.#notify(spec.id);
    const fleet = new Fleet(spec, join(this.#dir, spec.id), this.#workshop, changed, adopted);
    this.#fleets.set(spec.id, fleet);
    return fleet;
  }

  #notify(fleet: string): void {
    if (this.#closed) return;
    this.#warmWorkers.lookSoon();
    for (const watcher of this.#watchers) watcher(fleet);
  }
}

/** Most starts are over sooner; one that takes longer mostly waits, for bytes or for somebody else. */
const START_MS = 10_000;
const isUnderWay = ({ phase, timeline }: InstanceStatus, now: number) =>
  (phase === "downloading" || phase === "starting") && now - (timeline[phase] ?? 0) < START_MS;

/** What can not change under a running fleet. Digests may be added: they only say what the fleet found. */
function fixedPart({ container, instanceType }: FleetSpec): string {
  const { artifact, code, ...rest } = container;
  const place = (source: ArtifactSource | undefined) =>
    source && [source.uri, source.dataType, source.compression];
  return JSON.stringify([rest, place(artifact), place(code), instanceType]);
}
