import type { Log } from "../../src/base/log.ts";
import { endpointReconciler } from "../../src/capabilities/hosting/controller.ts";
import { endpointOfFleet } from "../../src/capabilities/hosting/fleets.ts";
import { EndpointKind } from "../../src/capabilities/hosting/kinds.ts";
import { stopOrphanFleets } from "../../src/capabilities/hosting/orphan-fleets.ts";
import { hostingOperations } from "../../src/capabilities/hosting/operations.ts";
import { WorkerScale } from "../../src/capabilities/hosting/worker-scale.ts";
import type { Engine } from "../../src/compute/engine.ts";
import type { RoutePublisher } from "../../src/dataplane/routing-table.ts";
import { NoSuchObject, type ObjectStore } from "../../src/objects/object-store.ts";
import { runController } from "../../src/state/controller.ts";
import type { ResourceStore } from "../../src/state/store.ts";
import { SimulatedPublisher } from "./gateways.ts";
import { InjectedFault, type Life } from "./life.ts";
import { SimulatedEngine } from "./simulated-engine.ts";
import { SimulatedStore } from "./simulated-store.ts";
import type { World } from "./world.ts";

const ACCOUNT = { region: "us-east-1", accountId: "000000000000" };

/** A worker without requests is kept for so long: short, so that many are stopped in a run. */
const IDLE_MS = 30_000;

/** The ports of one life of control: what a planted bug may wrap. */
export interface Ports {
  readonly store: ResourceStore;
  readonly engine: Engine;
  readonly routes: RoutePublisher;
}

/** The control role, composed as the server composes it: the real operations, controller and reconciler on simulated ports. */
export class Control {
  readonly life: Life;
  readonly publisher: SimulatedPublisher;
  readonly api: ReturnType<typeof hostingOperations>;
  /** When it was started. */
  readonly since: number;
  readonly #world: World;
  readonly #ports: Ports;
  readonly #scale: WorkerScale;

  constructor(world: World, life: Life) {
    this.#world = world;
    this.life = life;
    this.since = world.time.now;
    this.#scale = new WorkerScale(life.clock, IDLE_MS);
    this.publisher = new SimulatedPublisher(world, life, (fleet, workers) =>
      this.#scale.demand(fleet, workers),
    );
    const ports: Ports = {
      store: new SimulatedStore(world.disk, life, (kind, name, resource) =>
        world.observer.committed(kind.name, name, resource),
      ),
      engine: new SimulatedEngine(world, life),
      routes: this.publisher,
    };
    this.#ports = world.bug?.(ports, world, life) ?? ports;
    this.api = hostingOperations({
      account: ACCOUNT,
      store: this.#ports.store,
      objects: objectsOf(world),
      clock: life.clock,
      describeHoldMs: 5_000,
    });
  }

  async start(): Promise<void> {
    const { clock } = this.life;
    const random = this.#world.dice;
    const log = this.#log();
    const { store, engine, routes } = this.#ports;
    const { signal } = new AbortController();
    await stopOrphanFleets({ store, engine, clock, log, isOthers: async () => false, signal });
    routes.prune(await store.names(EndpointKind));
    const scale = this.#scale;
    const reconcile = endpointReconciler({ store, engine, routes, clock, log, scale });
    const counted: typeof reconcile = (name) => {
      this.#world.observer.reconciles++;
      return reconcile(name);
    };
    const controller = await runController(store, EndpointKind, counted, { clock, random, log });
    const look = (fleet: string) => {
      const endpoint = endpointOfFleet(fleet);
      if (endpoint !== undefined) controller.enqueue(endpoint);
    };
    engine.watch(look);
    scale.watch(look);
  }

  /** Only what a fault plan put in the way may go wrong. */
  #log(): Log {
    const { chronicle } = this.#world;
    const judge = (message: string, { error }: Record<string, unknown> = {}) =>
      chronicle.must(
        "control logs no error but injected ones",
        error === undefined || error instanceof InjectedFault,
        () => `${message}: ${error instanceof Error ? error.stack : String(error)}`,
      );
    return { info() {}, warn: judge, error: judge };
  }
}

/** Objects that hosting only asks for. */
function objectsOf({ machine }: World): ObjectStore {
  const unused = () => {
    throw new Error("hosting reads and writes no object");
  };
  return {
    async head(bucket, key) {
      const etag = machine.artifacts.get(`s3://${bucket}/${key}`);
      if (etag === undefined) throw new NoSuchObject(`There is no object s3://${bucket}/${key}.`);
      return { key, size: 1, etag, modifiedAt: 0 };
    },
    get: unused,
    put: unused,
    list: unused,
    async [Symbol.asyncDispose]() {},
  };
}
