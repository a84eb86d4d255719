import { expect, test } from "vitest";
import {
  measureBacklog,
  measureEnd,
  measureTo,
} from "../../../src/capabilities/async-inference/async-metrics.ts";
import { expired } from "../../../src/capabilities/async-inference/reasons.ts";
import type { Metric } from "../../../src/telemetry/metric.ts";
import { endpoint, variant } from "../../dataplane/routing.ts";
import { requestOf } from "./requests.ts";

const instance = (id: string) => ({ id, address: { kind: "unix", path: `/${id}` } }) as const;

function sink() {
  const told: string[] = [];
  return {
    told,
    record({ namespace, name, dimensions }: Metric, unit: string, value: number) {
      told.push([namespace, ...dimensions.map(([, its]) => its), name, value, unit].join(" "));
    },
  };
}

test("a backlog is told with the requests of each instance, and whether nobody is there to take them", () => {
  const busy = sink();
  const two = endpoint([variant([instance("a"), instance("b")])]);
  measureBacklog(busy, two, { requests: 5, oldestAt: 1000 }, 4500);
  expect(busy.told).toEqual([
    "AWS/SageMaker Iris ApproximateBacklogSize 5 Count",
    "AWS/SageMaker Iris ApproximateBacklogSizePerInstance 2.5 Count",
    "AWS/SageMaker Iris ApproximateAgeOfOldestRequest 3.5 Seconds",
    "AWS/SageMaker Iris HasBacklogWithoutCapacity 0 None",
  ]);
  const asleep = sink();
  measureBacklog(asleep, endpoint([variant([])]), { requests: 1, oldestAt: 0 }, 0);
  expect(asleep.told).toEqual([
    "AWS/SageMaker Iris ApproximateBacklogSize 1 Count",
    "AWS/SageMaker Iris ApproximateAgeOfOldestRequest 0 Seconds",
    "AWS/SageMaker Iris HasBacklogWithoutCapacity 1 None",
  ]);
  const idle = sink();
  measureBacklog(idle, endpoint([variant([])]), { requests: 0, oldestAt: undefined }, 0);
  expect(idle.told.at(-1)).toBe("AWS/SageMaker Iris HasBacklogWithoutCapacity 0 None");
});

test.each([
  ["a success", { kind: "succeeded", at: 1500 }, [0, 0]],
  ["a failure", { kind: "failed", at: 1500, reason: "ClientError: no" }, [1, 0]],
  ["one that waited for too long", { kind: "failed", at: 1500, reason: expired(60) }, [1, 1]],
] as const)("%s is told with its time, under its variant", (_, ending, [failures, expirations]) => {
  const metrics = sink();
  const measure = measureTo(metrics, endpoint([variant([])]));
  measureEnd(measure, { ...requestOf("a"), receivedAt: 1000, ttlSeconds: 60 }, ending);
  expect(metrics.told).toEqual([
    "AWS/SageMaker Iris primary TotalProcessingTime 500 Milliseconds",
    "AWS/SageMaker Iris primary InvocationsProcessed 1 None",
    `AWS/SageMaker Iris primary InvocationFailures ${failures} None`,
    `AWS/SageMaker Iris primary ExpiredRequests ${expirations} None`,
  ]);
});
