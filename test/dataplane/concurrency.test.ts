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

test("nothing is told of asynchronous endpoints, as in AWS", () => {
  const concurrency = new Concurrency(() => ({ a: 3 }));
  concurrency.routed("one", endpoint([variant([instance("a")])], { asynchronous: true }));
  expect(collected(concurrency)).toEqual([]);
});

test("serverless variants tell which share of what they may have is in use", () => {
  const concurrency = new Concurrency(() => ({ a: 1, c: 1 }));
  const workers = [instance("a"), instance("b"), instance("c")];
  const serverless = { maxConcurrency: 8 };
  concurrency.routed("one", endpoint([variant(workers, { serverless })], { name: "One" }));
  concurrency.routed(
    "two",
    endpoint([variant(workers, { serverless: { ...serverless, provisionedConcurrency: 1 } })], {
      name: "Two",
    }),
  );
  expect(collected(concurrency)).toEqual([
    "ServerlessConcurrentExecutionsUtilization One primary None 0 60 0.25",
    "ServerlessConcurrentExecutionsUtilization Two primary None 0 60 0.25",
    "ServerlessProvisionedConcurrencyExecutions Two primary None 0 60 1",
    "ServerlessProvisionedConcurrencyUtilization Two primary None 0 60 2",
  ]);
});
