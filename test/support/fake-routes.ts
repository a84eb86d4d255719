import type { EndpointRoute, RoutePublisher } from "../../src/dataplane/routing-table.ts";

/** Remembers what was published, in order; requests in flight are what a test sets. */
export class FakeRoutes implements RoutePublisher {
  readonly table = new Map<string, EndpointRoute>();
  /** Which fleets each publication named. */
  readonly history: string[][] = [];
  /** Every publication. */
  readonly published: (EndpointRoute | undefined)[] = [];
  readonly inFlight = new Map<string, number>();

  async publish(endpoint: string, route: EndpointRoute | undefined): Promise<void> {
    this.published.push(route);
    if (route) this.table.set(endpoint, route);
    else this.table.delete(endpoint);
    this.history.push(route ? route.variants.map(({ fleet }) => fleet) : []);
  }

  prune(endpoints: readonly string[]): void {
    for (const name of this.table.keys()) if (!endpoints.includes(name)) this.table.delete(name);
  }

  async drained(fleet: string): Promise<number> {
    return this.inFlight.get(fleet) ?? 0;
  }
}
