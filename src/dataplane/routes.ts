/** A routing table made ready for use: links to its instances, and counts of what is in flight. */
import type { InstanceFailure } from "./data-plane.ts";
import type { Candidate } from "./instance-picker.ts";
import type { InstanceLink } from "./instance-link.ts";
import { Load } from "./load.ts";
import { Pace } from "./pace.ts";
import type { RequestMetrics, VariantMetrics } from "./request-metrics.ts";
import type {
  EndpointRoute,
  InstanceAddress,
  InstanceRoute,
  RouteChange,
  RoutingChange,
  RoutingTable,
  ServerlessRoute,
  VariantRoute,
} from "./routing-table.ts";

/** An instance passed over this long after each failure in a row, and at most ten times as long. */
const AVOID_MS = 1000;
const MAX_WAIT_MS = 900;

/** One instance: its link stays until no variant has it and nothing is in flight to it. */
export class RoutedInstance implements Candidate {
  readonly id: string;
  readonly address: InstanceAddress;
  readonly link: InstanceLink;
  outstanding = 0;
  avoidUntil = 0;
  /** How many variants have it. */
  users = 0;
  #failures = 0;
  #retired = false;

  constructor({ id, address }: InstanceRoute, link: InstanceLink) {
    this.id = id;
    this.address = address;
    this.link = link;
  }

  enter(): void {
    this.outstanding++;
  }

  leave(): void {
    if (--this.outstanding === 0 && this.#retired) this.link.close();
  }

  answered(): void {
    if (this.#failures === 0) return;
    this.#failures = 0;
    this.avoidUntil = 0;
  }

  failed(now: number): void {
    this.avoidUntil = now + AVOID_MS * Math.min(++this.#failures, 10);
  }

  retire(): void {
    this.#retired = true;
    if (this.outstanding === 0) this.link.close();
  }
}

export interface RoutedVariant {
  readonly name: string;
  readonly weight: number;
  readonly routing: VariantRoute["routing"];
  readonly fleet: RoutedFleet;
  readonly instances: readonly RoutedInstance[];
  readonly pending: number;
  readonly maxWaitMs: number;
  readonly serverless: ServerlessRoute | undefined;
  /** Where its requests are counted, if they are. */
  readonly metrics: VariantMetrics | undefined;
}

export interface RoutedEndpoint {
  readonly name: string;
  readonly load: Load;
  readonly timeoutMs: number;
  readonly maxOutstanding: number;
  readonly asynchronous: boolean;
  readonly variants: readonly RoutedVariant[];
}

/** What is in flight to a fleet, how fast it answers, and how many variants it serves. */
export class RoutedFleet extends Load {
  readonly name: string;
  readonly pace = new Pace();
  users = 0;
  /** Called when a request has ended. */
  onFree: (() => void) | undefined;

  constructor(name: string) {
    super();
    this.name = name;
  }

  override leave(): void {
    super.leave();
    this.onFree?.();
  }
}

/** Holds what the newest table says. A change costs what it changes, not what the table holds. */
export class Routes implements Disposable {
  readonly #connect: (address: InstanceAddress) => InstanceLink;
  readonly #metrics: RequestMetrics | undefined;
  #version = 0;
  readonly #endpoints = new Map<string, RoutedEndpoint>();
  readonly #instances = new Map<string, RoutedInstance>();
  readonly #fleets = new Map<string, RoutedFleet>();

  constructor(connect: (address: InstanceAddress) => InstanceLink, metrics?: RequestMetrics) {
    this.#connect = connect;
    this.#metrics = metrics;
  }

  get version(): number {
    return this.#version;
  }

  /** Names are the same whatever their case, as in AWS. */
  find(endpoint: string): RoutedEndpoint | undefined {
    return this.#endpoints.get(endpoint) ?? this.#endpoints.get(endpoint.toLowerCase());
  }

  fleet(name: string): Load | undefined {
    return this.#fleets.get(name);
  }

  /** How many requests are in flight to each instance that has any. */
  load(): Record<string, number> {
    const load: Record<string, number> = {};
    for (const { id, outstanding } of this.#instances.values()) if (outstanding > 0) load[id] = outstanding;
    return load;
  }

  take(table: RoutingTable): number {
    const changes: RouteChange[] = table.endpoints.map((route) => ({ endpoint: route.name, route }));
    const named = new Set(changes.map(({ endpoint }) => endpoint.toLowerCase()));
    for (const endpoint of this.#endpoints.keys())
      if (!named.has(endpoint)) changes.push({ endpoint, route: undefined });
    return this.change({ version: table.version, changes });
  }

  change({ version, changes }: RoutingChange): number {
    if (version <= this.#version) return this.#version;
    this.#version = version;
    const replaced: RoutedEndpoint[] = [];
    for (const { endpoint, route } of changes) {
      const key = endpoint.toLowerCase();
      const old = this.#endpoints.get(key);
      if (old) replaced.push(old);
      if (route) this.#endpoints.set(key, this.#endpoint(route, old?.load ?? new Load()));
      else this.#endpoints.delete(key);
    }
    // after what is new: links and counts that are used again go on
    for (const { variants } of replaced) for (const one of variants) this.#release(one);
    return this.#version;
  }

  #endpoint(route: EndpointRoute, load: Load): RoutedEndpoint {
    return {
      name: route.name,
      load,
      timeoutMs: route.timeoutMs,
      maxOutstanding: route.maxOutstanding,
      asynchronous: route.asynchronous ?? false,
      variants: route.variants.map((variant) => ({
        name: variant.name,
        weight: variant.weight,
        routing: variant.routing,
        fleet: this.#fleet(variant.fleet),
        instances: variant.instances.map((instance) => this.#instance(instance)),
        pending: variant.pending ?? 0,
        maxWaitMs: variant.maxWaitMs ?? MAX_WAIT_MS,
        serverless: variant.serverless,
        metrics: this.#metrics?.enter(route.name, variant.name, variant.config),
      })),
    };
  }

  #fleet(name: string): RoutedFleet {
    const load = this.#fleets.get(name) ?? new RoutedFleet(name);
    this.#fleets.set(name, load);
    load.users++;
    return load;
  }

  #instance(route: InstanceRoute): RoutedInstance {
    const known = this.#instances.get(route.id);
    const one =
      known && sameAddress(known.address, route.address)
        ? known
        : new RoutedInstance(route, this.#connect(route.address));
    this.#instances.set(route.id, one);
    one.users++;
    return one;
  }

  #release({ fleet, instances, metrics }: RoutedVariant): void {
    if (metrics) metrics.users--;
    if (--fleet.users === 0) this.#forget(fleet);
    for (const one of instances) {
      if (--one.users > 0) continue;
      one.retire();
      if (this.#instances.get(one.id) === one) this.#instances.delete(one.id);
    }
  }

  /** A fleet that is routed away from is counted until it is drained. */
  #forget(fleet: RoutedFleet): void {
    if (fleet.users > 0) return;
    if (fleet.outstanding > 0) void fleet.idle().then(() => this.#forget(fleet));
    else this.#fleets.delete(fleet.name);
  }

  [Symbol.dispose](): void {
    for (const one of this.#instances.values()) one.retire();
    this.#endpoints.clear();
    this.#instances.clear();
  }
}

/** Told of each instance that fails a request, so that whoever keeps it can look at it. */
export type OnInstanceFailure = (instanceId: string, failure: InstanceFailure) => void;

function sameAddress(a: InstanceAddress, b: InstanceAddress): boolean {
  return a.kind === "unix"
    ? b.kind === "unix" && a.path === b.path && a.framesPath === b.framesPath
    : b.kind === "tcp" && a.host === b.host && a.port === b.port;
}
