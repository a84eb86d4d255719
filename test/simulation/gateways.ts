import type { OnDemand } from "../../src/dataplane/worker-demand.ts";
import type { EndpointRoute, RoutePublisher } from "../../src/dataplane/routing-table.ts";
import type { Life } from "./life.ts";
import { ServerlessSide } from "./serverless.ts";
import type { World } from "./world.ts";

type Table = ReadonlyMap<string, EndpointRoute>;

/** The routing table on the machine's disk: control writes it before it tells anybody, gateways start from it. */
export class RoutingFile {
  version = 0;
  table: Table = new Map();
  readonly #earlier: { readonly version: number; readonly table: Table }[] = [];

  write(version: number, table: Table): void {
    this.#earlier.push({ version: this.version, table: this.table });
    if (this.#earlier.length > 5) this.#earlier.shift();
    this.version = version;
    this.table = table;
  }

  /** It is not flushed: a power cut may take its end away. Instances it names are gone in any case. */
  survivePowerCut(lostWrites: number): void {
    const kept = (lostWrites > 0 ? this.#earlier.at(-lostWrites) : undefined) ?? this;
    this.version = kept.version;
    const routes = [...kept.table].map(([key, route]): [string, EndpointRoute] => [
      key,
      { ...route, variants: route.variants.map((variant) => ({ ...variant, instances: [] })) },
    ]);
    this.table = new Map(routes);
  }
}

/** A gateway process: routes by the last table it was handed. */
export class Gateway {
  readonly id: number;
  up = true;
  /** How often it was started: what was sent to an earlier one does not reach it. */
  starts = 0;
  version = 0;
  table: Table = new Map();
  /** Until then it takes no message. */
  stalledUntil = 0;
  /** When the last message on the way to it arrives: messages keep their order. */
  lastArrival = 0;
  readonly inFlight = new Map<string, number>();
  serverless: ServerlessSide;
  readonly #world: World;

  constructor(id: number, world: World) {
    this.id = id;
    this.#world = world;
    this.serverless = new ServerlessSide(world, this);
  }

  start(file: RoutingFile): void {
    this.up = true;
    this.starts++;
    this.version = file.version;
    this.table = file.table;
    this.serverless = new ServerlessSide(this.#world, this);
    this.#route();
  }

  stop(): void {
    this.up = false;
    this.inFlight.clear();
    this.serverless.end();
  }

  take(version: number, table: Table): void {
    if (version < this.version) return;
    this.version = version;
    this.table = table;
    this.#route();
  }

  #route(): void {
    this.serverless.route(this.version, [...this.table.values()]);
  }
}

/**
 * Hands routes to gateways as src/dataplane/gateway-hub.ts does: in order, each waits until every gateway that lives has
 * acknowledged it, and a new control goes on from the table on disk.
 */
export class SimulatedPublisher implements RoutePublisher {
  readonly #world: World;
  readonly #life: Life;
  readonly #table: Map<string, EndpointRoute>;
  #version: number;
  readonly #acknowledged = new Map<Gateway, number>();
  /** Whose acknowledgements are waited for. */
  heeds: (gateway: Gateway) => boolean = () => true;
  #waiting: { readonly version: number; readonly resolve: () => void }[] = [];
  readonly #demand = new Map<Gateway, Map<string, number>>();
  readonly #onDemand: OnDemand;

  constructor(world: World, life: Life, onDemand: OnDemand) {
    this.#world = world;
    this.#life = life;
    this.#onDemand = onDemand;
    this.#table = new Map(world.routingFile.table);
    this.#version = world.routingFile.version;
    for (const gateway of world.gateways) if (gateway.up) this.connect(gateway);
  }

  connect(gateway: Gateway): void {
    this.#acknowledged.set(gateway, gateway.version);
    for (const fleet of gateway.serverless.demand.keys()) this.demanded(gateway, fleet);
    this.#send(gateway);
  }

  disconnect(gateway: Gateway): void {
    this.#acknowledged.delete(gateway);
    const needed = this.#demand.get(gateway)?.keys() ?? [];
    this.#demand.delete(gateway);
    for (const fleet of needed) this.#tellDemand(fleet);
    this.#tell();
  }

  /** What a gateway's requests need of a fleet has changed; control hears of it before long. */
  demanded(gateway: Gateway, fleet: string): void {
    const { starts } = gateway;
    const { dice, plan } = this.#world;
    this.#life.after(dice.between(0, plan.gatewayDelayMs), () => {
      if (!this.#acknowledged.has(gateway) || gateway.starts !== starts) return;
      const needed = this.#demand.get(gateway) ?? new Map<string, number>();
      this.#demand.set(gateway, needed);
      // messages keep their order: the last one says what is so now
      needed.set(fleet, gateway.serverless.demand.get(fleet) ?? 0);
      this.#tellDemand(fleet);
    });
  }

  #tellDemand(fleet: string): void {
    let workers = 0;
    for (const needed of this.#demand.values()) workers += needed.get(fleet) ?? 0;
    this.#onDemand(fleet, workers);
  }

  /** Takes back the routes of endpoints that are not there any more. */
  prune(endpoints: readonly string[]): void {
    const kept = new Set(endpoints.map((name) => name.toLowerCase()));
    for (const key of this.#table.keys()) if (!kept.has(key)) this.#say(key, undefined);
  }

  publish(endpoint: string, route: EndpointRoute | undefined): Promise<void> {
    return this.#life.port("the publication of a route", async () => {
      this.#say(endpoint.toLowerCase(), route);
      const version = this.#version;
      if (this.#reached(version)) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiting.push({ version, resolve });
      await promise;
    });
  }

  drained(fleet: string): Promise<number> {
    return this.#life.port("the question what is in flight", () =>
      [...this.#acknowledged.keys()].reduce(
        (sum, { inFlight, serverless }) => sum + (inFlight.get(fleet) ?? 0) + serverless.inFlight(fleet),
        0,
      ),
    );
  }

  #say(key: string, route: EndpointRoute | undefined): void {
    if (JSON.stringify(this.#table.get(key)) === JSON.stringify(route)) return;
    if (route) this.#table.set(key, route);
    else this.#table.delete(key);
    this.#version++;
    this.#world.routingFile.write(this.#version, new Map(this.#table));
    for (const gateway of this.#acknowledged.keys()) this.#send(gateway);
  }

  #send(gateway: Gateway): void {
    const { time, dice, plan, chronicle } = this.#world;
    const version = this.#version;
    const { starts } = gateway;
    const table: Table = new Map(this.#table);
    const delay = dice.between(0, plan.gatewayDelayMs);
    if (delay > 1_000) chronicle.fault("a gateway acknowledges after more than a second");
    gateway.lastArrival = Math.max(gateway.lastArrival, gateway.stalledUntil, time.now + delay);
    time.after(gateway.lastArrival - time.now, () => {
      if (!gateway.up || gateway.starts !== starts) return;
      this.#world.gatewayTakes(gateway, version, table);
      this.#life.after(dice.between(0, plan.gatewayDelayMs), () => {
        if (!this.#acknowledged.has(gateway) || gateway.starts !== starts) return;
        this.#acknowledged.set(gateway, Math.max(version, this.#acknowledged.get(gateway)!));
        this.#tell();
      });
    });
  }

  #reached(version: number): boolean {
    return [...this.#acknowledged].every(
      ([gateway, acknowledged]) => acknowledged >= version || !this.heeds(gateway),
    );
  }

  #tell(): void {
    const reached = this.#waiting.filter(({ version }) => this.#reached(version));
    this.#waiting = this.#waiting.filter((one) => !reached.includes(one));
    for (const { resolve } of reached) resolve();
  }
}
