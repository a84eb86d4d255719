/** A routing table made ready for use: links to its instances, and counts of what is in flight. */
import type { InstanceFailure } from "./data-plane.ts";
import type { Candidate } from "./instance-picker.ts";
import type { InstanceLink } from "./instance-link.ts";
import { Load } from "./load.ts";
import type {
  EndpointRoute,
  InstanceAddress,
  InstanceRoute,
  RoutingTable,
  VariantRoute,
} from "./routing-table.ts";

/** An instance passed over this long after each failure in a row, and at most ten times as long. */
const AVOID_MS = 1000;

/** One instance: its link stays until it is out of the table and nothing is in flight to it. */
export class RoutedInstance implements Candidate {
  readonly id: string;
  readonly address: InstanceAddress;
  readonly link: InstanceLink;
  outstanding = 0;
  avoidUntil = 0;
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
  readonly fleet: Load;
  readonly instances: readonly RoutedInstance[];
}

export interface RoutedEndpoint {
  readonly name: string;
  readonly load: Load;
  readonly timeoutMs: number;
  readonly maxOutstanding: number;
  readonly variants: readonly RoutedVariant[];
}

/** Holds the newest table; each `take` replaces it as a whole. */
export class Routes implements Disposable {
  readonly #connect: (address: InstanceAddress) => InstanceLink;
  #version = 0;
  #endpoints = new Map<string, RoutedEndpoint>();
  #instances = new Map<string, RoutedInstance>();
  #fleets = new Map<string, Load>();

  constructor(connect: (address: InstanceAddress) => InstanceLink) {
    this.#connect = connect;
  }

  /** Names are the same whatever their case, as in AWS. */
  find(endpoint: string): RoutedEndpoint | undefined {
    return this.#endpoints.get(endpoint) ?? this.#endpoints.get(endpoint.toLowerCase());
  }

  fleet(name: string): Load | undefined {
    return this.#fleets.get(name);
  }

  take(table: RoutingTable): number {
    if (table.version <= this.#version) return this.#version;
    const endpoints = new Map<string, RoutedEndpoint>();
    const instances = new Map<string, RoutedInstance>();
    const fleets = new Map<string, Load>();
    const replaced: RoutedInstance[] = [];

    const instance = (route: InstanceRoute): RoutedInstance => {
      const taken = instances.get(route.id);
      if (taken) return taken;
      const known = this.#instances.get(route.id);
      const same = known && sameAddress(known.address, route.address);
      if (known && !same) replaced.push(known);
      const one = same ? known : new RoutedInstance(route, this.#connect(route.address));
      instances.set(route.id, one);
      return one;
    };
    const fleet = (name: string): Load => {
      const load = fleets.get(name) ?? this.#fleets.get(name) ?? new Load();
      fleets.set(name, load);
      return load;
    };
    const variant = (route: VariantRoute): RoutedVariant => ({
      name: route.name,
      weight: route.weight,
      routing: route.routing,
      fleet: fleet(route.fleet),
      instances: route.instances.map(instance),
    });

    for (const route of table.endpoints)
      endpoints.set(route.name.toLowerCase(), this.#endpoint(route, variant));
    for (const [id, one] of this.#instances) if (!instances.has(id)) replaced.push(one);
    // a fleet that is routed away from is counted until it is drained
    for (const [name, load] of this.#fleets)
      if (!fleets.has(name) && load.outstanding > 0) fleets.set(name, load);

    this.#version = table.version;
    this.#endpoints = endpoints;
    this.#instances = instances;
    this.#fleets = fleets;
    for (const one of replaced) one.retire();
    return this.#version;
  }

  #endpoint(route: EndpointRoute, variant: (route: VariantRoute) => RoutedVariant): RoutedEndpoint {
    return {
      name: route.name,
      load: this.#endpoints.get(route.name.toLowerCase())?.load ?? new Load(),
      timeoutMs: route.timeoutMs,
      maxOutstanding: route.maxOutstanding,
      variants: route.variants.map(variant),
    };
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
