/** Publishes routes to a data plane in the same process, which acknowledges at once. */
import { type Clock, sleep } from "../base/clock.ts";
import type { DataPlane } from "./data-plane.ts";
import type { EndpointRoute, RoutePublisher } from "./routing-table.ts";

export class InProcessPublisher implements RoutePublisher {
  readonly #dataPlane: DataPlane;
  readonly #clock: Clock;
  readonly #routes = new Map<string, EndpointRoute>();
  #version = 0;

  constructor(dataPlane: DataPlane, clock: Clock) {
    this.#dataPlane = dataPlane;
    this.#clock = clock;
  }

  async publish(endpoint: string, route: EndpointRoute | undefined): Promise<void> {
    const key = endpoint.toLowerCase();
    if (route) this.#routes.set(key, route);
    else this.#routes.delete(key);
    this.#dataPlane.route({ version: ++this.#version, endpoints: [...this.#routes.values()] });
  }

  /** Nothing is left of an earlier control in the same process. */
  prune(): void {}

  async drained(fleet: string, deadlineMs: number): Promise<number> {
    const inFlight = this.#dataPlane.inFlight(fleet);
    if (inFlight === 0 || deadlineMs <= 0) return inFlight;
    const done = new AbortController();
    const deadline = sleep(this.#clock, deadlineMs, done.signal).catch(() => {});
    await Promise.race([this.#dataPlane.drained(fleet), deadline]);
    done.abort();
    return this.#dataPlane.inFlight(fleet);
  }
}
