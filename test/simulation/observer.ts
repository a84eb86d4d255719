import { fleetId } from "../../src/capabilities/hosting/fleets.ts";
import { EndpointKind, type Deployment, type EndpointStatus } from "../../src/capabilities/hosting/kinds.ts";
import type { FleetSpec } from "../../src/compute/engine.ts";
import type { EndpointRoute } from "../../src/dataplane/routing-table.ts";
import type { Resource } from "../../src/state/resource.ts";
import type { Gateway } from "./gateways.ts";
import type { World } from "./world.ts";

export type Endpoint = Resource<Deployment, EndpointStatus>;

/** What the store has been told about one name. */
export interface History {
  creations: number;
  updates: number;
  deletions: number;
  /** Since when it exists, or doesn't; and since when it is in no transition, while it is in none. */
  existsSince: number | undefined;
  absentSince: number | undefined;
  restsSince: number | undefined;
}

/** Which arrows a status may take, written down a second time on purpose. */
const ARROWS = new Set([
  "Creating InService",
  "Creating Failed",
  "Creating Deleting",
  "InService Updating",
  "InService Deleting",
  "Updating InService",
  "Updating RollingBack",
  "RollingBack InService",
  "Failed Deleting",
]);
const AT_REST = new Set(["InService", "Failed"]);
/** An instance that died so lately may not be known to be dead everywhere. */
const RECENT_MS = 90_000;
/** More writes of one endpoint in a minute than this are a loop. */
const MOST_WRITES_PER_MINUTE = 300;

/** Sees all that is committed, routed and stopped, and holds it against what must be at that moment. */
export class Observer {
  readonly endpoints = new Map<string, Endpoint>();
  readonly #world: World;
  readonly #histories = new Map<string, History>();
  readonly #digests = new Map<string, string>();
  readonly #recentWrites = new Map<string, number[]>();
  /** MaxConcurrency of serverless fleets, and until when the one before may still be heeded. */
  readonly #limits = new Map<string, { now: number; before: number; until: number }>();
  writes = 0;
  reconciles = 0;

  constructor(world: World) {
    this.#world = world;
  }

  history(key: string): History {
    let history = this.#histories.get(key);
    if (!history) {
      history = {
        creations: 0,
        updates: 0,
        deletions: 0,
        existsSince: undefined,
        absentSince: 0,
        restsSince: undefined,
      };
      this.#histories.set(key, history);
    }
    return history;
  }

  committed(kind: string, name: string, resource: Resource<any, any> | undefined): void {
    if (kind !== EndpointKind.name) return;
    const key = name.toLowerCase();
    const { now } = this.#world.time;
    const { must, note } = this.#world.chronicle.bound;
    const before = this.endpoints.get(key);
    const history = this.history(key);
    this.writes++;
    this.#countWrite(key);
    if (!resource) {
      note(`${key} is forgotten`);
      must(
        "only what is being deleted is forgotten",
        before?.status.state === "Deleting",
        () => `${key} was ${before?.status.state}`,
      );
      this.endpoints.delete(key);
      history.absentSince = now;
      history.existsSince = history.restsSince = undefined;
      return;
    }
    const endpoint = resource as Endpoint;
    const { state } = endpoint.status;
    this.#noteLimits(endpoint);
    this.endpoints.set(key, endpoint);
    if (!before) {
      history.creations++;
      history.existsSince = now;
      history.absentSince = undefined;
      note(`${key} ${endpoint.uid.slice(0, 8)}: Creating ${endpoint.spec.configName}`);
      must("a new endpoint is Creating", state === "Creating", () => `${key} is ${state}`);
      return;
    }
    must(
      "versions grow by one",
      endpoint.uid === before.uid && endpoint.version === before.version + 1,
      () => `${key} went from version ${before.version} to ${endpoint.version}`,
    );
    if (state === before.status.state) return;
    const reason = endpoint.status.failureReason;
    note(`${key}: ${before.status.state} -> ${state} revision ${endpoint.spec.revision} ${reason ?? ""}`);
    must(
      "a status takes declared arrows only",
      ARROWS.has(`${before.status.state} ${state}`),
      () => `${key} went from ${before.status.state} to ${state}`,
    );
    if (state === "Updating") history.updates++;
    if (state === "Deleting") history.deletions++;
    history.restsSince = AT_REST.has(state) ? (history.restsSince ?? now) : undefined;
    if (state === "Failed" || before.status.state === "RollingBack")
      must("a failure has its reason", (reason ?? "").length > 20, () => `${key} is ${state}: ${reason}`);
    if (state === "InService" && before.status.state !== "RollingBack") this.#serves(key, endpoint);
  }

  /** At the moment an endpoint is InService every gateway must answer for it, by its newest deployment. */
  #serves(key: string, { spec }: Endpoint): void {
    for (const gateway of this.#world.gateways) {
      if (!gateway.up) continue;
      const route = gateway.table.get(key);
      this.#world.chronicle.must(
        "an endpoint is InService only when every gateway routes to it",
        route !== undefined &&
          route.variants.every((variant, index) => variant.weight === spec.variants[index]!.weight) &&
          (this.answers(route) || this.#diedLately(route)),
        () => `${key} at gateway ${gateway.id}: ${describe(route)}`,
      );
    }
  }

  /** Whether the gateway takes a table that makes a served endpoint unserved. */
  gatewayTakes(gateway: Gateway, table: Gateway["table"]): void {
    const { must, note } = this.#world.chronicle.bound;
    for (const [key, old] of gateway.table) {
      const route = table.get(key);
      if (route === old || JSON.stringify(route) === JSON.stringify(old)) continue;
      note(`gateway ${gateway.id} routes ${key} by ${describe(route)}`);
      if (!this.answers(old)) continue;
      const state = this.endpoints.get(key)?.status.state;
      const gone = state === undefined || state === "Deleting" || state === "Failed" || state === "Creating";
      must(
        "what is served goes on being served",
        gone || (route !== undefined && (this.answers(route) || this.#diedLately(route) || noWeight(route))),
        () => `${key} (${state}) at gateway ${gateway.id}: from ${describe(old)} to ${describe(route)}`,
      );
    }
    for (const key of table.keys())
      if (!gateway.table.has(key))
        note(`gateway ${gateway.id} begins to route ${key} by ${describe(table.get(key))}`);
  }

  /** How many workers the engine is to run. */
  applied({ id, desired }: FleetSpec): void {
    const limit = this.#limits.get(id);
    if (!limit) return;
    const { now, before, until } = limit;
    this.#world.chronicle.must(
      "a serverless endpoint never has more workers than its MaxConcurrency",
      desired <= (this.#world.time.now < until ? Math.max(now, before) : now),
      () => `${id} is to have ${desired}, and may have ${now}`,
    );
  }

  #noteLimits(endpoint: Endpoint): void {
    const { spec, status } = endpoint;
    for (const deployment of status.live ? [status.live, spec] : [spec])
      for (const variant of deployment.variants) {
        if (!variant.serverless) continue;
        const id = fleetId(endpoint, deployment, variant);
        const { maxConcurrency } = variant.serverless;
        const known = this.#limits.get(id);
        if (known?.now === maxConcurrency) continue;
        // control may have read it just before
        const until = this.#world.time.now + 1_000;
        this.#limits.set(id, { now: maxConcurrency, before: known?.now ?? 0, until });
      }
  }

  fleetStops(fleet: string): void {
    this.#world.chronicle.note(`fleet ${fleet} is stopped`);
    for (const gateway of this.#world.gateways) {
      if (!gateway.up) continue;
      for (const [key, route] of gateway.table)
        for (const variant of route.variants)
          this.#world.chronicle.must(
            "a fleet is stopped only when no gateway routes to it",
            variant.fleet !== fleet || !variant.instances.some(({ address }) => this.#listens(address)),
            () => `gateway ${gateway.id} routes ${key} by ${describe(route)}`,
          );
    }
  }

  loaded(fleet: string, digest: string): void {
    const first = this.#digests.get(fleet) ?? digest;
    const settled = [...this.endpoints.values()].some(({ status: { live }, ...endpoint }) =>
      live?.variants.some((variant) => fleetId(endpoint as Endpoint, live, variant) === fleet),
    );
    // Until the endpoint serves nothing tells a new engine what the first one found.
    if (!settled) this.#digests.set(fleet, digest);
    else
      this.#world.chronicle.must(
        "every instance of a fleet in service loads the same bytes",
        first === digest,
        () => `${fleet} loaded ${first}, then ${digest}`,
      );
  }

  /** Whether each variant that gets traffic has an instance that answers. */
  answers(route: EndpointRoute): boolean {
    const weighed = route.variants.filter(({ weight }) => weight > 0);
    return (
      weighed.length > 0 &&
      weighed.every(
        ({ serverless, instances }) =>
          // its requests wait for a worker
          (serverless !== undefined && serverless.failure === undefined) ||
          instances.some(({ address }) => this.#listens(address)),
      )
    );
  }

  #listens(address: EndpointRoute["variants"][number]["instances"][number]["address"]): boolean {
    return address.kind === "unix" && this.#world.machine.at(address.path)?.listening === true;
  }

  #diedLately(route: EndpointRoute): boolean {
    const { time, machine } = this.#world;
    return (
      noWeight(route) ||
      route.variants.some(({ fleet }) => time.now - (machine.lastDeath.get(fleet) ?? -Infinity) < RECENT_MS)
    );
  }

  #countWrite(key: string): void {
    const { now } = this.#world.time;
    const recent = (this.#recentWrites.get(key) ?? []).filter((at) => at > now - 60_000);
    recent.push(now);
    this.#recentWrites.set(key, recent);
    this.#world.chronicle.must(
      "no endpoint is written without end",
      recent.length <= MOST_WRITES_PER_MINUTE,
      () => `${key} was written ${recent.length} times within a minute`,
    );
  }
}

const noWeight = (route: EndpointRoute) => route.variants.every(({ weight }) => weight === 0);

/** A route in a few words. */
export function describe(route: EndpointRoute | undefined): string {
  if (!route) return "no route";
  return route.variants
    .map(({ fleet, weight, instances }) => {
      const paths = instances.map(({ address }) => (address.kind === "unix" ? address.path : address.port));
      return `${fleet} x${weight} [${paths.join(" ")}]`;
    })
    .join(", ");
}
