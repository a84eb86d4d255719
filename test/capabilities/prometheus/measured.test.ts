import { expect, test } from "vitest";
import { measuredFamilies } from "../../../src/capabilities/prometheus/measured.ts";
import { metricOf } from "../../../src/telemetry/metric.ts";
import type { Total } from "../../../src/telemetry/metric-totals.ts";

const NOW = Date.UTC(2026, 0, 1);
const OWN = { EndpointName: "Iris", VariantName: "blue" };

function total(namespace: string, name: string, dimensions: Record<string, string>, ageMs = 0): Total {
  const metric = metricOf(namespace, name, Object.entries(dimensions));
  return { metric, sum: 12, count: 4, last: 50, at: NOW - ageMs, within: [1, 2] };
}

/** The samples of a family, where the endpoint Iris is the only one. */
const samples = (name: string, ...totals: Total[]) =>
  measuredFamilies(totals, new Set(["iris"]), NOW).find((family) => family.name === name)!.samples;

test("counters count what was measured of a variant, once, though it is measured by configuration too", () => {
  const invocations = total("AWS/SageMaker", "Invocations", OWN);
  const byConfig = total("AWS/SageMaker", "Invocations", { ...OWN, EndpointConfigName: "v2" });
  expect(samples("tideway_invocations", invocations, byConfig)).toEqual([
    { labels: { endpoint: "Iris", variant: "blue" }, value: 12 },
  ]);
  const [client, model] = ["Invocation4XXErrors", "InvocationModelErrors"].map((name) =>
    total("AWS/SageMaker", name, OWN),
  );
  expect(samples("tideway_invocation_errors", client!, model!).map(({ labels }) => labels["kind"])).toEqual([
    "4xx",
    "model",
  ]);
});

test("a histogram has a bucket for each bound, and one for all", () => {
  const found = samples("tideway_model_latency_seconds", total("AWS/SageMaker", "ModelLatency", OWN));
  expect(found.slice(0, 2).map(({ labels, value }) => [labels["le"], value])).toEqual([
    ["0.0001", 1],
    ["0.00025", 2],
  ]);
  expect(found.slice(-3).map(({ suffix, labels, value }) => [suffix, labels["le"], value])).toEqual([
    ["_bucket", "+Inf", 4],
    ["_sum", undefined, 12],
    ["_count", undefined, 4],
  ]);
});

test("a gauge is what was told last, and goes with what it was told of", () => {
  const cpu = (ageMs: number, EndpointName = "Iris") =>
    total("/aws/sagemaker/Endpoints", "CPUUtilization", { ...OWN, EndpointName, InstanceId: "i-1" }, ageMs);
  expect(samples("tideway_instance_cpu_cores", cpu(0))).toEqual([
    { labels: { endpoint: "Iris", instance: "i-1", variant: "blue" }, value: 0.5 },
  ]);
  expect(samples("tideway_instance_cpu_cores", cpu(200_000))).toEqual([]);
  expect(samples("tideway_instance_cpu_cores", cpu(0, "deleted"))).toEqual([]);
});

test("the counts of a deleted endpoint are there for a quarter of an hour", () => {
  const old = (ageMs: number) =>
    total("AWS/SageMaker", "Invocations", { ...OWN, EndpointName: "deleted" }, ageMs);
  expect(samples("tideway_invocations", old(600_000))).toHaveLength(1);
  expect(samples("tideway_invocations", old(1_000_000))).toHaveLength(0);
});
