import { expect, test } from "vitest";
import { freeSeats, InFlight, pickSeat } from "../../../src/capabilities/async-inference/lane.ts";
import type { EndpointRoute, VariantRoute } from "../../../src/dataplane/routing-table.ts";

const variant = (name: string, weight: number, ...ids: string[]): VariantRoute => ({
  name,
  fleet: `fleet-${name}`,
  weight,
  routing: "LEAST_OUTSTANDING_REQUESTS",
  instances: ids.map((id) => ({ id, address: { kind: "unix", path: `/${id}` } })),
});
const route = (...variants: VariantRoute[]): EndpointRoute => ({
  name: "later",
  arn: "arn",
  variants,
  timeoutMs: 60_000,
  maxOutstanding: 1,
});

test("requests go where the fewest are, by weight, until every instance has as many as it may have", () => {
  const inFlight = new InFlight();
  const two = route(variant("a", 3, "a1", "a2"), variant("b", 1, "b1"), variant("none", 0, "c1"));
  expect(freeSeats(two, 2, inFlight)).toBe(6);
  const taken: string[] = [];
  for (const chance of [0, 0, 0, 0, 0, 0.9, 0.9]) {
    const seat = pickSeat(two, 2, inFlight, chance);
    if (seat) inFlight.enter(seat, 1);
    taken.push(seat?.instance.id ?? "nowhere");
  }
  expect(taken).toEqual(["a1", "a2", "a1", "a2", "b1", "b1", "nowhere"]);
  expect([inFlight.of("fleet-a"), inFlight.of("fleet-b"), freeSeats(two, 2, inFlight)]).toEqual([4, 2, 0]);
});

test("one that is to be alone waits for an instance without any, and fills it", () => {
  const inFlight = new InFlight();
  const one = route(variant("a", 1, "a1"));
  const first = pickSeat(one, 4, inFlight, 0)!;
  inFlight.enter(first, 1);
  expect(pickSeat(one, 1, inFlight, 0)).toBeUndefined();
  inFlight.leave(first, 1);
  inFlight.enter(pickSeat(one, 1, inFlight, 0)!, 4);
  expect(freeSeats(one, 4, inFlight)).toBe(0);
});
