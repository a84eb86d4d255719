/** What the worker knows of one endpoint, and where its next request goes: decisions without time or chance of their own. */
import type { EndpointRoute, InstanceRoute, VariantRoute } from "../../dataplane/routing-table.ts";
import { pickVariant } from "../../dataplane/variant-picker.ts";

/** An instance that has room for one more. */
export interface Seat {
  readonly variant: VariantRoute;
  readonly instance: InstanceRoute;
}

/** How many requests instances have, of all endpoints: by instance, and by fleet. One may count for several. */
export class InFlight {
  readonly #counts = new Map<string, number>();

  of(name: string): number {
    return this.#counts.get(name) ?? 0;
  }

  enter({ variant, instance }: Seat, places: number): void {
    this.#change(variant.fleet, places);
    this.#change(instance.id, places);
  }

  leave(seat: Seat, places: number): void {
    this.enter(seat, -places);
  }

  #change(name: string, by: number): void {
    const count = this.of(name) + by;
    if (count > 0) this.#counts.set(name, count);
    else this.#counts.delete(name);
  }
}

/** How many requests could begin now. */
export function freeSeats(route: EndpointRoute, perInstance: number, inFlight: InFlight): number {
  let free = 0;
  for (const { weight, instances } of route.variants)
    if (weight > 0) for (const { id } of instances) free += Math.max(0, perInstance - inFlight.of(id));
  return free;
}

/** By weight among the variants that have room, there where the fewest are. `chance` is at least 0 and below 1. */
export function pickSeat(
  route: EndpointRoute,
  perInstance: number,
  inFlight: InFlight,
  chance: number,
): Seat | undefined {
  const hasRoom = ({ id }: InstanceRoute) => inFlight.of(id) < perInstance;
  const variant = pickVariant(
    route.variants.filter(({ instances }) => instances.some(hasRoom)),
    chance,
  );
  const instance = variant?.instances
    .filter(hasRoom)
    .reduce((best, one) => (inFlight.of(one.id) < inFlight.of(best.id) ? one : best));
  return variant && instance && { variant, instance };
}
