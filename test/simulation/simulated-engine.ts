import type {
  Engine,
  FleetFailure,
  FleetSpec,
  FleetStatus,
  InstancePhase,
} from "../../src/compute/engine.ts";
import { InjectedFault, type Life } from "./life.ts";
import { type Behaviour, type Note, ORPHAN, type Process } from "./machine.ts";
import type { World } from "./world.ts";

interface Instance {
  readonly id: string;
  readonly slot: number;
  phase: InstancePhase;
  process: Process | undefined;
  restarts: number;
  failures: number;
  stopping: boolean;
  readonly gone: PromiseWithResolvers<void>;
}

interface Fleet {
  spec: FleetSpec;
  readonly instances: Map<number, Instance>;
  digest: string | undefined;
  failure: FleetFailure | undefined;
  provenGood: boolean;
  deletion: Promise<void> | undefined;
  /** Taken over and not applied yet: some of its instances may be missing. */
  adopted: boolean;
}

const GRACE_MS = 30_000;
const DRAIN_MS = 1_000;

/**
 * An engine that keeps the contract of src/compute/engine.ts as the process engine does, in virtual time: cold starts,
 * failures of what never was ready, restarts with backoff of what was, and the taking over of what runs already.
 */
export class SimulatedEngine implements Engine {
  readonly #world: World;
  readonly #life: Life;
  readonly #fleets = new Map<string, Fleet>();
  readonly #watchers = new Set<(fleet: string) => void>();

  constructor(world: World, life: Life) {
    this.#world = world;
    this.#life = life;
    for (const process of world.machine.processes.values()) if (!process.stopping) this.#adopt(process);
    world.machine.listener = {
      listens: (process) => this.#at(process, (fleet, instance) => this.#looks(fleet, instance, process)),
      exited: (process) => this.#at(process, (fleet, instance) => this.#exited(fleet, instance)),
    };
  }

  apply(spec: FleetSpec): Promise<FleetStatus> {
    return this.#life.port("engine.apply", async () => {
      const { dice, plan, chronicle } = this.#world;
      if (spec.container.image === "refused") {
        chronicle.fault("the engine always refuses a fleet");
        throw new InjectedFault("The machine has no room for this fleet.");
      }
      if (dice.chance(plan.applyFails)) {
        chronicle.fault("engine.apply fails, and nothing was done");
        throw new InjectedFault("The engine can not be asked.");
      }
      await this.#fleets.get(spec.id)?.deletion;
      const status = this.#apply(spec);
      if (dice.chance(plan.applyFails)) {
        chronicle.fault("engine.apply fails, and all was done");
        throw new InjectedFault("The engine's answer is lost.");
      }
      return status;
    });
  }

  delete(id: string): Promise<void> {
    return this.#life.port("engine.delete", async () => {
      const { dice, plan, chronicle } = this.#world;
      const fleet = this.#fleets.get(id);
      if (!fleet) return;
      // Fleets that no endpoint owns are stopped once, when control starts; only a controller asks again.
      const asksAgain = !id.startsWith(ORPHAN);
      if (!fleet.deletion && asksAgain && dice.chance(plan.deleteFails)) {
        chronicle.fault("engine.delete fails");
        throw new InjectedFault("The fleet can not be stopped.");
      }
      await (fleet.deletion ??= this.#delete(id, fleet));
    });
  }

  spec(id: string): FleetSpec | undefined {
    return this.#fleets.get(id)?.spec;
  }

  status(id: string): FleetStatus | undefined {
    const fleet = this.#fleets.get(id);
    return fleet && statusOf(fleet);
  }

  fleets(): readonly FleetStatus[] {
    return [...this.#fleets.values()].map(statusOf);
  }

  watch(watcher: (fleet: string) => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  suspect(): void {}

  async *logs(): AsyncIterable<{ instance: string; line: string }> {}

  async [Symbol.asyncDispose](): Promise<void> {}

  #adopt(process: Process): void {
    const { spec, slot, digest, provenGood } = process.note;
    let fleet = this.#fleets.get(spec.id);
    if (!fleet) {
      fleet = { ...newFleet(spec), digest, adopted: true };
      this.#fleets.set(spec.id, fleet);
    }
    fleet.provenGood ||= provenGood || process.listening;
    const instance = newInstance(spec.id, slot);
    instance.process = process;
    instance.phase = process.listening ? "ready" : "starting";
    fleet.instances.set(slot, instance);
    if (!process.listening) this.#expect(fleet, instance, process);
    this.#world.chronicle.fault("control finds a running instance again");
  }

  #apply(spec: FleetSpec): FleetStatus {
    this.#world.observer.applied(spec);
    const known = this.#fleets.get(spec.id);
    if (known && fixedPart(known.spec) !== fixedPart(spec))
      throw new Error(`The fleet ${spec.id} runs another container or instance type.`);
    if (!known) this.#world.chronicle.note(`fleet ${spec.id} of ${spec.desired}`);
    const fleet = known ?? newFleet(spec);
    this.#fleets.set(spec.id, fleet);
    const same = known && !known.adopted && JSON.stringify(known.spec) === JSON.stringify(spec);
    fleet.spec = spec;
    fleet.adopted = false;
    if (!same && !fleet.failure) {
      const kept = [...fleet.instances.values()]
        .filter(({ stopping }) => !stopping)
        .toSorted((a, b) => Number(b.phase === "ready") - Number(a.phase === "ready"));
      for (const instance of kept.slice(spec.desired)) this.#stop(instance, true);
      for (let slot = 0, missing = spec.desired - kept.length; missing > 0; slot++)
        if (!fleet.instances.has(slot)) {
          this.#add(fleet, slot);
          missing--;
        }
      this.#changed(spec.id);
    }
    return statusOf(fleet);
  }

  async #delete(id: string, fleet: Fleet): Promise<void> {
    this.#world.fleetStops(id);
    for (const instance of fleet.instances.values()) this.#stop(instance, false);
    await Promise.all([...fleet.instances.values()].map(({ gone }) => gone.promise));
    this.#fleets.delete(id);
    this.#world.chronicle.note(`fleet ${id} is gone`);
    this.#changed(id);
  }

  #stop(instance: Instance, drain: boolean): void {
    if (instance.stopping) return;
    instance.stopping = true;
    const { process } = instance;
    if (!process?.alive) {
      this.#gone(instance);
      return;
    }
    const wasReady = instance.phase === "ready";
    instance.phase = "stopping";
    process.shrunk = drain;
    const stop = () => this.#world.machine.stop(process, GRACE_MS);
    if (drain && wasReady) this.#life.after(DRAIN_MS, stop);
    else stop();
  }

  #gone(instance: Instance): void {
    instance.phase = "exited";
    instance.gone.resolve();
  }

  #add(fleet: Fleet, slot: number): void {
    const instance = newInstance(fleet.spec.id, slot);
    fleet.instances.set(slot, instance);
    void instance.gone.promise.then(() => {
      if (fleet.failure && !fleet.deletion) return;
      if (fleet.instances.get(slot) === instance) fleet.instances.delete(slot);
      this.#changed(fleet.spec.id);
    });
    this.#prepare(fleet, instance);
  }

  #prepare(fleet: Fleet, instance: Instance): void {
    const { dice, machine, chronicle } = this.#world;
    const { container, downloadTimeoutMs } = fleet.spec;
    instance.phase = "downloading";
    this.#changed(fleet.spec.id);
    const slow = container.environment["DOWNLOAD"] === "slow";
    if (slow) chronicle.fault("a download does not end");
    this.#life.after(slow ? downloadTimeoutMs : dice.between(1, 500), () => {
      if (instance.stopping) return;
      if (container.image === "missing") {
        chronicle.fault("an image is not known");
        this.#failed(fleet, instance, "image", "No program is known for the image missing");
        return;
      }
      if (slow) {
        this.#failed(fleet, instance, "download-timeout", "The artifact was not fetched in time.");
        return;
      }
      const source = container.artifact!;
      const pinned = fleet.digest ?? source.digest;
      const found = machine.artifacts.get(source.uri);
      if (pinned === undefined ? found === undefined : found !== pinned && !machine.cached.has(pinned)) {
        chronicle.fault("an artifact is missing or another");
        this.#failed(fleet, instance, "artifact", "The artifact is not there, or is not what it was.");
        return;
      }
      fleet.digest = pinned ?? found!;
      machine.cached.add(fleet.digest);
      this.#start(fleet, instance, fleet.digest);
    });
  }

  #start(fleet: Fleet, instance: Instance, digest: string): void {
    const behaviour = (fleet.spec.container.environment["BEHAVIOUR"] ?? "good") as Behaviour;
    const note: Note = {
      spec: fleet.spec,
      slot: instance.slot,
      digest,
      provenGood: fleet.provenGood,
    };
    const process = this.#world.machine.start(instance.id, behaviour, note);
    this.#world.loaded(fleet.spec.id, digest);
    instance.process = process;
    instance.phase = "starting";
    this.#changed(fleet.spec.id);
    this.#expect(fleet, instance, process);
  }

  /** Its first ping is awaited for so long. */
  #expect(fleet: Fleet, instance: Instance, process: Process): void {
    this.#life.after(fleet.spec.startupTimeoutMs, () => {
      if (instance.process !== process || instance.phase !== "starting") return;
      this.#world.machine.kill(process, "it was not ready in time");
      this.#failed(fleet, instance, "startup-timeout", "GET /ping was not answered in time.");
    });
  }

  #looks(fleet: Fleet, instance: Instance, process: Process): void {
    this.#life.after(this.#world.dice.between(1, 300), () => {
      if (instance.process !== process || instance.phase !== "starting" || !process.listening) return;
      instance.phase = "ready";
      fleet.provenGood = true;
      process.note.provenGood = true;
      this.#changed(fleet.spec.id);
    });
  }

  #exited(fleet: Fleet, instance: Instance): void {
    instance.process = undefined;
    if (instance.stopping) {
      this.#gone(instance);
      return;
    }
    if (fleet.failure || instance.phase === "exited") return;
    this.#failed(fleet, instance, "crash", "The model's server was ended by SIGSEGV");
  }

  #failed(fleet: Fleet, instance: Instance, reason: FleetFailure["reason"], message: string): void {
    instance.phase = "exited";
    if (fleet.provenGood) {
      instance.restarts++;
      const backoff = Math.min(60_000, 1_000 * 2 ** instance.failures++) * this.#world.dice.between(0.5, 1);
      this.#life.after(backoff, () => {
        if (!instance.stopping) this.#prepare(fleet, instance);
      });
    } else {
      fleet.failure ??= { reason, message, logTail: ["the last line of its log"] };
      instance.stopping = true;
      instance.gone.resolve();
      for (const other of fleet.instances.values()) if (other !== instance) this.#stop(other, false);
    }
    this.#changed(fleet.spec.id);
  }

  #at(process: Process, found: (fleet: Fleet, instance: Instance) => void): void {
    const fleet = this.#fleets.get(process.note.spec.id);
    const instance = fleet?.instances.get(process.note.slot);
    if (!this.#life.ended && fleet && instance?.process === process) found(fleet, instance);
  }

  #changed(fleet: string): void {
    const { dice, plan, chronicle } = this.#world;
    const tell = () => {
      for (const watcher of this.#watchers) watcher(fleet);
    };
    if (dice.chance(plan.lateNotices)) {
      chronicle.fault("a notice of the engine comes late");
      this.#life.after(dice.between(1, 5_000), tell);
    } else tell();
    if (!dice.chance(plan.doubleNotices)) return;
    chronicle.fault("a notice of the engine comes twice");
    this.#life.after(dice.between(0, 5_000), tell);
  }
}

const newFleet = (spec: FleetSpec): Fleet => ({
  spec,
  instances: new Map(),
  digest: undefined,
  failure: undefined,
  provenGood: false,
  deletion: undefined,
  adopted: false,
});

const newInstance = (fleet: string, slot: number): Instance => ({
  id: `${fleet}-${slot}`,
  slot,
  phase: "pending",
  process: undefined,
  restarts: 0,
  failures: 0,
  stopping: false,
  gone: Promise.withResolvers(),
});

function statusOf({ spec, instances, digest, failure }: Fleet): FleetStatus {
  return {
    id: spec.id,
    desired: spec.desired,
    instances: [...instances.values()].map(({ id, phase, process, restarts }) => ({
      id,
      phase,
      timeline: {},
      restarts,
      ...(process && { pid: process.pid }),
      ...(phase === "ready" && process && { address: { kind: "unix", path: `/run/${process.pid}` } }),
    })),
    resolvedImage: `builtin:${spec.container.image}`,
    ...(digest && { digest }),
    ...(failure && { failure }),
  };
}

function fixedPart({ container, instanceType }: FleetSpec): string {
  const { artifact, ...rest } = container;
  return JSON.stringify([rest, artifact?.uri, instanceType]);
}
