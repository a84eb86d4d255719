import { mkdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";

import type { Clock } from "../../base/clock.ts";
import type { Log } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import { ArtifactError, type ArtifactLease, type ArtifactProgress, type Artifacts } from "../artifacts.ts";
import type { Address, ArtifactSource, FleetFailure, FleetSpec, FleetStatus } from "../engine.ts";
import { chooseProgram, describeProgram, resolveImage, type ImageAliases, type Program } from "../images.ts";
import { isServerlessType, shapeOf } from "../instance-types.ts";
import { sandboxExit, type Confinement, type Isolation } from "../isolation/isolation.ts";
import { LaunchError } from "./executable.ts";
import { Instance, type InstanceOwner, type Launch, type Patience } from "./instance.ts";
import {
  builtinAddress,
  canBeGivenLater,
  commandLine,
  instanceEnvironment,
  layOutBaseFolder,
  listensOnSocket,
  type Programs,
} from "./launch.ts";
import { adoptable, type Adopted, type FleetNote } from "./instance-note.ts";
import { freePort } from "./probe.ts";
import { warmCall, warmInput } from "./warm-call.ts";
import { describeExit, type Exit, type HostedProcess, type ProcessHost } from "./process-host.ts";
import type { WarmPool } from "./warm-pool.ts";

/** What all fleets of an engine share. */
export interface Workshop {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly host: ProcessHost;
  readonly isolation: Isolation | undefined;
  readonly warmWorkers: Pick<WarmPool, "take">;
  readonly artifacts: Artifacts;
  readonly aliases: ImageAliases;
  readonly programs: Programs;
  readonly patience: Patience;
  readonly logBytes: number;
  readonly region: string;
  /** The engine's own environment, of which instances get a few variables. */
  readonly inherited: Readonly<Record<string, string | undefined>>;
  /** A path for an instance's socket, short enough for the kernel. */
  socketPath(instance: string): string;
}

/** The equal instances of one variant in one generation of an endpoint. */
export class Fleet implements InstanceOwner {
  readonly #workshop: Workshop;
  readonly #folder: string;
  readonly #changed: () => void;
  readonly #instances = new Map<number, Instance>();
  readonly #stopping = new AbortController();
  #spec: FleetSpec;
  #leases: readonly ArtifactLease[] = [];
  #preparing: Promise<Prepared> | undefined;
  #download: ArtifactProgress | undefined;
  #digest: string | undefined;
  #codeDigest: string | undefined;
  #program: Program | undefined;
  #failure: FleetFailure | undefined;
  #provenGood = false;

  /** With what an earlier engine started of this fleet. */
  constructor(
    spec: FleetSpec,
    folder: string,
    workshop: Workshop,
    changed: () => void,
    adopted: readonly Adopted[] = [],
  ) {
    this.#spec = spec;
    this.#folder = folder;
    this.#workshop = workshop;
    this.#changed = changed;
    for (const one of adopted) this.#adopt(one);
    if (adopted.length) void this.#holdAdopted();
    this.apply(spec);
  }

  get clock(): Clock {
    return this.#workshop.clock;
  }
  get random(): Random {
    return this.#workshop.random;
  }
  get host(): ProcessHost {
    return this.#workshop.host;
  }
  get patience(): Patience {
    return this.#workshop.patience;
  }
  get logBytes(): number {
    return this.#workshop.logBytes;
  }
  get startupTimeoutMs(): number {
    return this.#spec.startupTimeoutMs;
  }
  get provenGood(): boolean {
    return this.#provenGood;
  }
  get isBuiltin(): boolean {
    return this.#program?.kind === "builtin";
  }
  get note(): FleetNote {
    return {
      spec: this.#spec,
      program: this.#program,
      digest: this.#digest,
      codeDigest: this.#codeDigest,
      provenGood: this.#provenGood,
    };
  }
  /** Whether its instances come and go with requests, which wait for them: those are started ahead. */
  get wantsWarmWorkers(): boolean {
    const { container, instanceType } = this.#spec;
    if (this.#failure || !isServerlessType(instanceType) || !canBeGivenLater(container.environment))
      return false;
    if (this.#program) return this.isBuiltin;
    const image = resolveImage(container.image, this.#workshop.aliases);
    return typeof image === "object" && image.kind === "builtin";
  }
  get spec(): FleetSpec {
    return this.#spec;
  }
  get instances(): readonly Instance[] {
    return [...this.#instances.values()];
  }

  get status(): FleetStatus {
    return {
      id: this.#spec.id,
      desired: this.#spec.desired,
      instances: this.instances.map((instance) => instance.status),
      ...(this.#download && { download: this.#download }),
      ...(this.#digest && { digest: this.#digest }),
      ...(this.#codeDigest && { codeDigest: this.#codeDigest }),
      ...(this.#program && { resolvedImage: describeProgram(this.#program) }),
      ...(this.#failure && { failure: this.#failure }),
    };
  }

  /** Takes a spec that differs in the number of instances or in timeouts only. */
  apply(spec: FleetSpec): void {
    this.#spec = spec;
    if (this.#failure) return;
    // What answers stays: an instance that died and waits for its next start goes first.
    const wanted = this.instances
      .filter((one) => !one.signal.aborted)
      .toSorted((a, b) => Number(b.status.phase === "ready") - Number(a.status.phase === "ready"));
    for (const instance of wanted.slice(spec.desired)) void instance.stop(true);
    for (let slot = 0; this.#live() < spec.desired; slot += 1)
      if (!this.#instances.has(slot)) this.#add(slot);
    this.changed();
  }

  /** Resolves when every process is gone. May be called again after it rejected. */
  async delete(): Promise<void> {
    this.#stopping.abort(new Error("the fleet is deleted"));
    await Promise.allSettled(this.instances.map((instance) => instance.stop(false)));
    // Whatever befell an instance on its way: the host knows what still runs.
    const left = adoptable(this.host.processes()).get(this.#spec.id) ?? [];
    for (const { process } of left) {
      if (!process.exit) await process.stop(0);
      process.forget();
    }
    this.#hold([]);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Lets go of the processes: they run on. */
  async detach(): Promise<void> {
    this.#stopping.abort(new Error("the engine is closed"));
    await Promise.all(this.instances.map((instance) => instance.detach()));
    this.#hold([]);
  }

  async prepare(instance: Instance): Promise<Launch> {
    const { workshop, container } = { workshop: this.#workshop, container: this.#spec.container };
    instance.enter("downloading");
    const { program, modelDir, files, codeDir } = await (this.#preparing ??= this.#prepareArtifacts().finally(
      () => {
        this.#preparing = undefined;
      },
    ));
    layOutBaseFolder(instance.folder, modelDir);
    const { instanceType } = this.#spec;
    const warm =
      program.kind === "builtin" && canBeGivenLater(container.environment) && !instance.signal.aborted
        ? workshop.warmWorkers.take({ dir: modelDir, files, instanceType })
        : undefined;
    const address = warm?.address ?? (await this.#address(instance, program));
    const environment = instanceEnvironment({
      inherited: workshop.inherited,
      container,
      program,
      shape: shapeOf(instanceType),
      oneAtATime: isServerlessType(instanceType),
      region: workshop.region,
      folder: warm?.folder ?? instance.folder,
      modelDir: warm?.modelDir ?? modelDir,
      codeDir,
      address,
    });
    const awaited = isServerlessType(instanceType);
    const command = await commandLine(program, workshop.programs, address, modelDir, environment, awaited);
    const all = { ...environment, ...command.environment };
    if (warm) {
      const { confinement, process } = warm;
      return { argv: command.argv, environment: all, address, confinement, warm: process };
    }
    const confinement = await workshop.isolation?.confine({
      id: instance.id,
      instanceType,
      argv: command.argv,
      folder: instance.folder,
      modelDir,
      readable: command.readable,
      shown: [
        ...(codeDir === undefined ? [] : [codeDir]),
        ...(program.kind === "builtin" ? [workshop.programs.compileCache] : []),
      ],
      writable: address.kind === "unix" ? [dirname(address.path)] : [],
      onPort: address.kind === "tcp",
    });
    return {
      argv: confinement?.argv ?? command.argv,
      environment: all,
      address,
      confinement,
      warm: undefined,
    };
  }

  async #address({ id }: Instance, program: Program): Promise<Address> {
    if (!listensOnSocket(program)) return { kind: "tcp", host: "127.0.0.1", port: await freePort() };
    const path = this.#workshop.socketPath(id);
    return program.kind === "builtin" ? builtinAddress(path) : { kind: "unix", path };
  }

  confinementOf({ id, pid }: HostedProcess): Confinement | undefined {
    return this.#workshop.isolation?.adopt({ id, pid, instanceType: this.#spec.instanceType });
  }

  async warmUp({ id, folder, status, isFromPool }: Instance, address: Address, over: AbortSignal) {
    const modelDir = join(folder, "ml", "model");
    const input = await warmInput(this.#spec.container.environment, modelDir).catch((error: Error) => error);
    if (input instanceof Error) return { reason: "artifact", message: input.message } as const;
    const warm = input && (await warmCall(address, input, this.clock, over));
    if (warm?.kind === "refused")
      this.#workshop.log.warn(warm.message, { fleet: this.#spec.id, instance: id });
    if (warm?.kind === "failed") return warm.failure;
    const { downloading = 0, starting = 0 } = status.timeline;
    this.#workshop.log.info("An instance is ready.", {
      fleet: this.#spec.id,
      instance: id,
      warmWorker: isFromPool,
      preparedMs: starting - downloading,
      startedMs: this.clock.now() - starting,
    });
    return undefined;
  }

  explain(error: unknown): FleetFailure {
    const message = error instanceof Error ? error.message : String(error);
    const reason =
      error instanceof DownloadTimeout
        ? "download-timeout"
        : error instanceof ArtifactError
          ? "artifact"
          : error instanceof LaunchError
            ? "image"
            : "crash";
    return { reason, message, logTail: [] };
  }

  explainExit(end: Exit, tail: readonly string[], wasReady: boolean): Omit<FleetFailure, "logTail"> {
    const exit = this.#workshop.isolation?.level.sandbox === "bubblewrap" ? sandboxExit(end) : end;
    const last = tail.findLast((line) => line.trim() !== "");
    // The built-in server says in one sentence what is wrong with a model.
    if (this.#program?.kind === "builtin" && !wasReady && exit.code === 1 && last)
      return { reason: "artifact", message: last };
    return {
      reason: "crash",
      message:
        `The model's server ${describeExit(exit)}${wasReady ? "" : " before it answered GET /ping"}` +
        (last ? `; the last line of its log is: ${last}` : " and printed nothing."),
    };
  }

  failed(failure: FleetFailure, instance: Instance): void {
    const { log } = this.#workshop;
    log.warn(failure.message, { fleet: this.#spec.id, instance: instance.id, reason: failure.reason });
    if (this.#provenGood || this.#failure) return;
    this.#failure = failure;
    // What never worked is not left half running: the controller reads the failure and deletes the fleet.
    for (const other of this.instances) if (other !== instance) void other.stop(false);
    this.changed();
  }

  changed(): void {
    if (this.instances.some((instance) => instance.status.phase === "ready")) this.#provenGood = true;
    this.#changed();
  }

  #live(): number {
    return this.instances.filter((instance) => !instance.signal.aborted).length;
  }

  #adopt(adopted: Adopted): void {
    const { program, digest, codeDigest, provenGood } = adopted.note.fleet;
    this.#program = program;
    this.#digest = digest;
    this.#codeDigest = codeDigest;
    this.#provenGood ||= provenGood;
    this.#add(adopted.note.slot, adopted);
  }

  #add(slot: number, adopted?: Adopted): void {
    const id = `${this.#spec.id}-${slot}`;
    const instance = new Instance(id, slot, join(this.#folder, String(slot)), this, adopted);
    this.#instances.set(slot, instance);
    void instance.gone.then(() => {
      if (this.#failure && !this.#stopping.signal.aborted) return;
      this.#instances.delete(slot);
      this.changed();
    });
  }

  /** Shared by the instances that start at the same time; each later start verifies the artifacts again. */
  async #prepareArtifacts(): Promise<Prepared> {
    const { container } = this.#spec;
    const image = resolveImage(container.image, this.#workshop.aliases);
    if (typeof image === "string") throw new LaunchError(image);
    const model = container.artifact && (await this.#fetch(container.artifact, this.#digest));
    const code = container.code && (await this.#fetch(container.code, this.#codeDigest));
    this.#hold([model, code].filter((lease) => lease !== undefined));
    this.#digest = model?.digest;
    this.#codeDigest = code?.digest;
    const modelDir = model?.path ?? join(this.#folder, "empty");
    if (!model) mkdirSync(modelDir, { recursive: true });
    const program = chooseProgram(
      image,
      container.image,
      model?.files ?? [],
      container.environment,
      code?.files,
    );
    if (typeof program === "string") throw new LaunchError(program);
    this.#program = program;
    return { program, modelDir, files: model?.files ?? [], codeDir: code?.path };
  }

  /** What adopted instances read must stay on disk. They serve already, so whatever is wrong with it is only told. */
  async #holdAdopted(): Promise<void> {
    const { artifact, code } = this.#spec.container;
    const fetched = await Promise.allSettled([
      artifact && this.#fetch(artifact, this.#digest),
      code && this.#fetch(code, this.#codeDigest),
    ]);
    this.#hold(fetched.flatMap((one) => (one.status === "fulfilled" && one.value ? [one.value] : [])));
    for (const one of fetched)
      if (one.status === "rejected" && !this.#stopping.signal.aborted)
        this.#workshop.log.warn("The artifact of a running fleet could not be verified.", {
          fleet: this.#spec.id,
          error: one.reason as unknown,
        });
  }

  async #fetch(source: ArtifactSource, digest = source.digest): Promise<ArtifactLease> {
    const { artifacts, clock } = this.#workshop;
    const { downloadTimeoutMs } = this.#spec;
    const timeout = new AbortController();
    const cancel = clock.after(downloadTimeoutMs, () =>
      timeout.abort(new DownloadTimeout(source.uri, downloadTimeoutMs / 1000)),
    );
    try {
      return await artifacts.ensure(
        { ...source, ...(digest && { digest }) },
        {
          signal: AbortSignal.any([timeout.signal, this.#stopping.signal]),
          onProgress: (progress) => {
            this.#download = progress;
            this.changed();
          },
        },
      );
    } finally {
      cancel();
    }
  }

  /** Keeps these artifacts on disk, and no longer those before. */
  #hold(leases: readonly ArtifactLease[]): void {
    for (const lease of this.#leases) lease.release();
    this.#leases = leases;
    if (this.#stopping.signal.aborted) for (const lease of leases) lease.release();
  }
}

/** What an instance is started with. */
interface Prepared {
  readonly program: Program;
  readonly modelDir: string;
  /** The model's. */
  readonly files: readonly string[];
  readonly codeDir: string | undefined;
}

class DownloadTimeout extends Error {
  constructor(uri: string, seconds: number) {
    super(
      `The artifact ${uri} was not fetched and unpacked within ${seconds} s. ` +
        `Make it smaller, or raise ModelDataDownloadTimeoutInSeconds.`,
    );
  }
}
