import type {
  Engine,
  FleetSpec,
  FleetStatus,
  InstancePhase,
  InstanceStatus,
} from "../../src/compute/engine.ts";

/** An engine whose instances do what a test says, when it says so. */
export class FakeEngine implements Engine {
  readonly specs = new Map<string, FleetSpec>();
  readonly deleted: string[] = [];
  readonly #statuses = new Map<string, FleetStatus>();
  readonly #watchers = new Set<(fleet: string) => void>();
  /** What a new fleet's instances are at once. */
  startAs: InstancePhase = "ready";
  /** A fleet whose image contains this fails with it as its message. */
  brokenImage: string | undefined;

  async apply(spec: FleetSpec): Promise<FleetStatus> {
    this.specs.set(spec.id, spec);
    const known = this.#statuses.get(spec.id);
    if (known && known.desired === spec.desired) return known;
    const broken = this.brokenImage !== undefined && spec.container.image.includes(this.brokenImage);
    const instances = broken
      ? []
      : Array.from(
          { length: spec.desired },
          (_, index) => known?.instances[index] ?? this.#instance(spec.id, index, this.startAs),
        );
    const status: FleetStatus = {
      id: spec.id,
      desired: spec.desired,
      instances,
      resolvedImage: `resolved:${spec.container.image}`,
      ...(spec.container.artifact && { digest: "d1" }),
      ...(broken && {
        failure: { reason: "crash", message: "It broke.", logTail: ["first line", "last line"] },
      }),
    };
    this.#set(status);
    return status;
  }

  /** Takes every instance of the fleet to a phase. */
  become(id: string, phase: InstancePhase): void {
    const status = this.#statuses.get(id)!;
    this.#set({ ...status, instances: status.instances.map((_, index) => this.#instance(id, index, phase)) });
  }

  fail(id: string, message: string): void {
    this.#set({
      ...this.#statuses.get(id)!,
      instances: [],
      failure: { reason: "crash", message, logTail: [] },
    });
  }

  #instance(fleet: string, index: number, phase: InstancePhase): InstanceStatus {
    const address = { kind: "unix", path: `/run/${fleet}/${index}` } as const;
    return {
      id: `${fleet}/${index}`,
      phase,
      timeline: {},
      restarts: 0,
      ...(phase === "ready" && { address }),
    };
  }

  #set(status: FleetStatus): void {
    this.#statuses.set(status.id, status);
    for (const watcher of this.#watchers) watcher(status.id);
  }

  status(id: string): FleetStatus | undefined {
    return this.#statuses.get(id);
  }

  spec(id: string): FleetSpec | undefined {
    return this.specs.get(id);
  }

  async delete(id: string): Promise<void> {
    if (!this.#statuses.delete(id)) return;
    this.deleted.push(id);
    for (const watcher of this.#watchers) watcher(id);
  }

  fleets(): readonly FleetStatus[] {
    return [...this.#statuses.values()];
  }

  watch(watcher: (fleet: string) => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  suspect(): void {}

  async *logs(): AsyncIterable<{ instance: string; line: string }> {}

  async [Symbol.asyncDispose](): Promise<void> {}
}
