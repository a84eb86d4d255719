import { expect, test } from "vitest";
import { Concurrency } from "../../src/dataplane/concurrency.ts";
import type { InstanceRoute } from "../../src/dataplane/routing-table.ts";
import type { Metric } from "../../src/telemetry/metric.ts";
import type { Point } from "../../src/telemetry/point.ts";
import { endpoint, variant } from "./routing.ts";

const NOW = Date.UTC(2026, 0, 1, 0, 0, 17);
const instance = (id: string): InstanceRoute => ({ id, address: { kind: "unix", path: `/${id}` } });

function collected(concurrency: Concurrency): string[] {
  const found: string[] = [];
  const add = (
    { name, dimensions }: Metric,
    unit: string,
    at: number,
    resolution: number,
    { sum }: Point,
  ) => {
    found.push(
      [name, ...dimensions.map(([, value]) => value), unit, (at - NOW) / 1000, resolution, sum].join(" "),
    );
  };
  concurrency.collect({ add } as never, NOW);
  return found;
}

test("each instance's requests are told by 10 seconds, none included, while it is routed to", () => {
  const concurrency = new Concurrency(() => ({ a: 3, c: 1, elsewhere: 7 }));
  concurrency.routed(
    "Iris",
    endpoint([variant([instance("a"), instance("b")]), variant([instance("c")], { name: "two" })]),
  );
  expect(collected(concurrency)).toEqual([
    "ConcurrentRequestsPerModel Iris primary None -7 1 3",
    "ConcurrentRequestsPerModel Iris primary None -7 1 0",
    "ConcurrentRequestsPerModel Iris two None -7 1 1",
  ]);
  concurrency.routed("iris", undefined);
  expect(collected(concurrency)).toEqual([]);
});

test("nothing is told of asynchronous endpoints and serverless variants, as in AWS", () => {
  const concurrency = new Concurrency(() => ({ a: 3 }));
  concurrency.routed("one", endpoint([variant([instance("a")])], { asynchronous: true }));
  concurrency.routed("two", endpoint([variant([instance("a")], { serverless: { maxConcurrency: 5 } })]));
  expect(collected(concurrency)).toEqual([]);
});
