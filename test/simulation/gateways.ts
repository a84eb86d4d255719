import type { EndpointRoute, RoutePublisher } from "../../src/dataplane/routing-table.ts";
import type { Life } from "./life.ts";
import type { World } from "./world.ts";

type Table = ReadonlyMap<string, EndpointRoute>;

/** A gateway process: routes by the last table it was handed, keeps it on disk, and starts from there. */
export class Gateway {
  readonly id: number;
  up = true;
  /** Started from the disk and not handed a table since: it may not know what has gone meanwhile. */
  fromDisk = false;
  version = 0;
  table: Table = new Map();
  /** Until then it takes no message. */
  stalledUntil = 0;
  /** When the last message on the way to it arrives: messages keep their order. */
  lastArrival = 0;
  readonly inFlight = new Map<string, number>();

  constructor(id: number) {
    this.id = id;
  }

  take(version: number, table: Table): void {
    if (version < this.version) return;
    this.version = version;
    this.table = table;
    this.fromDisk = false;
  }
}

/** Hands routes to gateways as control does it: in order, each waits for its acknowledgement, one that dies is not waited for. */
export class SimulatedPublisher implements RoutePublisher {
  readonly #world: World;
  readonly #life: Life;
  readonly #table: Map<string, EndpointRoute>;
  #version: number;
  readonly #acknowledged = new Map<Gateway, number>();
  #waiting: { readonly version: number; readonly resolve: () => void }[] = [];

  /** A new control goes on from the newest table that a gateway has: it can't know yet what each endpoint needs. */
  constructor(world: World, life: Life) {
    this.#world = world;
    this.#life = life;
    const newest = world.gateways.reduce((best, one) => (one.version > best.version ? one : best));
    this.#table = new Map(newest.table);
    this.#version = newest.version + 1;
    for (const gateway of world.gateways) if (gateway.up) this.connect(gateway);
  }

  /** A gateway begins with the whole table. */
  connect(gateway: Gateway): void {
    this.#acknowledged.set(gateway, 0);
    this.#send(gateway);
  }

  disconnect(gateway: Gateway): void {
    this.#acknowledged.delete(gateway);
    this.#tell();
  }

  publish(endpoint: string, route: EndpointRoute | undefined): Promise<void> {
    return this.#life.port("the publication of a route", () => {
      const key = endpoint.toLowerCase();
      if (JSON.stringify(this.#table.get(key)) !== JSON.stringify(route)) {
        if (route) this.#table.set(key, route);
        else this.#table.delete(key);
        this.#version++;
        for (const gateway of this.#acknowledged.keys()) this.#send(gateway);
      }
      const version = this.#version;
      if (this.#reached(version)) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiting.push({ version, resolve });
      return promise;
    });
  }

  drained(fleet: string): Promise<number> {
    return this.#life.port("the question what is in flight", () =>
      [...this.#acknowledged.keys()].reduce((sum, { inFlight }) => sum + (inFlight.get(fleet) ?? 0), 0),
    );
  }

  #send(gateway: Gateway): void {
    const { time, dice, plan, chronicle } = this.#world;
    const version = this.#version;
    const table: Table = new Map(this.#table);
    const delay = dice.between(0, plan.gatewayDelayMs);
    if (delay > 1_000) chronicle.fault("a gateway acknowledges after more than a second");
    gateway.lastArrival = Math.max(gateway.lastArrival, gateway.stalledUntil, time.now + delay);
    time.after(gateway.lastArrival - time.now, () => {
      if (!gateway.up || !this.#acknowledged.has(gateway)) return;
      this.#world.gatewayTakes(gateway, version, table);
      this.#life.after(dice.between(0, plan.gatewayDelayMs), () => {
        if (!this.#acknowledged.has(gateway)) return;
        this.#acknowledged.set(gateway, Math.max(version, this.#acknowledged.get(gateway)!));
        this.#tell();
      });
    });
  }

  #reached(version: number): boolean {
    return [...this.#acknowledged.values()].every((acknowledged) => acknowledged >= version);
  }

  #tell(): void {
    const reached = this.#waiting.filter(({ version }) => this.#reached(version));
    this.#waiting = this.#waiting.filter((one) => !reached.includes(one));
    for (const { resolve } of reached) resolve();
  }
}
