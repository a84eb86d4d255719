import { expect, test } from "vitest";
import { systemClock } from "../../../src/base/clock.ts";
import type { Log } from "../../../src/base/log.ts";
import { MetricExporter } from "../../../src/capabilities/otel/metric-exporter.ts";
import type { Family } from "../../../src/telemetry/family.ts";
import { OtlpCollector, type Received } from "../../support/otlp-collector.ts";

const labels = { endpoint: "iris" };
const FAMILIES: readonly Family[] = [
  { name: "a_requests", type: "counter", help: "Requests.", samples: [{ labels, value: 3 }] },
  { name: "a_size_bytes", type: "gauge", help: "Size.", samples: [{ labels: {}, value: 7 }] },
  { name: "a_nothing", type: "gauge", help: "Nothing.", samples: [] },
  {
    name: "a_wait_seconds",
    type: "histogram",
    help: "Wait.",
    samples: [
      { suffix: "_bucket", labels: { ...labels, le: "0.5" }, value: 2 },
      { suffix: "_bucket", labels: { ...labels, le: "1.0" }, value: 3 },
      { suffix: "_bucket", labels: { ...labels, le: "+Inf" }, value: 4 },
      { suffix: "_sum", labels, value: 9.5 },
      { suffix: "_count", labels, value: 4 },
    ],
  },
];

function exporter(base: string, told: string[] = [], intervalMs = 20): MetricExporter {
  const log: Log = {
    info: (message) => void told.push(message),
    warn: (message) => void told.push(message),
    error: (message) => void told.push(message),
  };
  const settings = {
    url: `${base}/v1/metrics`,
    headers: { "x-key": "k" },
    timeoutMs: 5000,
    intervalMs,
    resource: { "service.name": "t" },
  };
  return new MetricExporter({
    settings,
    version: "1",
    families: async () => FAMILIES,
    clock: systemClock,
    log,
  });
}

test("a collector gets all there is, in OTLP's JSON", async () => {
  await using collector = await OtlpCollector.start(200);
  await using _ = exporter(collector.url);
  await collector.has(2);
  const [{ path, headers, body }] = collector.received as [Received];
  expect([path, headers["content-type"], headers["x-key"]]).toEqual(["/v1/metrics", "application/json", "k"]);
  const [{ resource, scopeMetrics }] = body.resourceMetrics;
  expect(resource.attributes).toContainEqual({ key: "service.name", value: { stringValue: "t" } });
  const [counter, gauge, histogram] = scopeMetrics[0].metrics;
  expect(scopeMetrics[0].metrics).toHaveLength(3);
  const attributes = [{ key: "endpoint", value: { stringValue: "iris" } }];
  expect(counter).toMatchObject({
    name: "a_requests",
    sum: { aggregationTemporality: 2, isMonotonic: true, dataPoints: [{ attributes, asDouble: 3 }] },
  });
  expect(gauge).toMatchObject({ name: "a_size_bytes", unit: "By", gauge: { dataPoints: [{ asDouble: 7 }] } });
  expect(histogram.histogram.dataPoints).toMatchObject([
    { attributes, count: "4", sum: 9.5, bucketCounts: ["2", "1", "1"], explicitBounds: [0.5, 1] },
  ]);
  const { startTimeUnixNano, timeUnixNano } = counter.sum.dataPoints[0];
  expect(BigInt(startTimeUnixNano)).toBeLessThan(BigInt(timeUnixNano));
});

test("a collector that fails is told of once, and so is its return", async () => {
  await using collector = await OtlpCollector.start(503, 404, 200);
  const told: string[] = [];
  await using _ = exporter(collector.url, told);
  await collector.has(4);
  expect(told).toEqual([
    "Metrics could not be sent to the collector.",
    "Metrics are sent to the collector again.",
  ]);
});

test("who ends sends what there is, once more", async () => {
  await using collector = await OtlpCollector.start(200);
  await exporter(collector.url, [], 600_000)[Symbol.asyncDispose]();
  expect(collector.received).toHaveLength(1);
});

test("no collector at all keeps nobody", async () => {
  const told: string[] = [];
  await exporter("http://127.0.0.1:1", told)[Symbol.asyncDispose]();
  expect(told).toEqual(["Metrics could not be sent to the collector."]);
});
