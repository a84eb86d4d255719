import { expect, test } from "vitest";
import { otlpSettings } from "../../../src/capabilities/otel/settings.ts";

const BASE = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4318/" };

test("nothing is sent unless a collector is named, and nothing that is switched off", () => {
  expect(otlpSettings({})).toBeUndefined();
  expect(otlpSettings({ ...BASE, OTEL_SDK_DISABLED: "TRUE" })).toBeUndefined();
  expect(otlpSettings({ ...BASE, OTEL_METRICS_EXPORTER: "none" })).toBeUndefined();
});

test("the usual defaults", () => {
  expect(otlpSettings(BASE)).toEqual({
    url: "http://collector:4318/v1/metrics",
    headers: {},
    timeoutMs: 10_000,
    intervalMs: 60_000,
    resource: { "service.name": "tideway" },
  });
});

test("what is said of metrics goes before what is said of all", () => {
  const settings = otlpSettings({
    ...BASE,
    OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: "https://elsewhere/in",
    OTEL_EXPORTER_OTLP_HEADERS: "key=all",
    OTEL_EXPORTER_OTLP_METRICS_HEADERS: "key=a%20b, x-other=1=2",
    OTEL_EXPORTER_OTLP_TIMEOUT: "1",
    OTEL_METRIC_EXPORT_INTERVAL: "5000",
    OTEL_RESOURCE_ATTRIBUTES: "service.name=other,deployment.environment=test",
    OTEL_SERVICE_NAME: "models",
  });
  expect(settings).toEqual({
    url: "https://elsewhere/in",
    headers: { key: "a b", "x-other": "1=2" },
    timeoutMs: 1,
    intervalMs: 5000,
    resource: { "service.name": "models", "deployment.environment": "test" },
  });
});

test.each([
  ["OTEL_METRICS_EXPORTER", "console"],
  ["OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"],
  ["OTEL_EXPORTER_OTLP_TIMEOUT", "soon"],
  ["OTEL_METRIC_EXPORT_INTERVAL", "0"],
  ["OTEL_EXPORTER_OTLP_HEADERS", "secret"],
  ["OTEL_RESOURCE_ATTRIBUTES", "a=%zz"],
])("%s must be understood", (name, value) => {
  expect(() => otlpSettings({ ...BASE, [name]: value })).toThrow(name);
});

test("a metadata service is no collector, and a secret is in no error", () => {
  expect(() => otlpSettings({ OTEL_EXPORTER_OTLP_ENDPOINT: "http://169.254.169.254" })).toThrow("link-local");
  expect(() => otlpSettings({ ...BASE, OTEL_EXPORTER_OTLP_HEADERS: "s3cret" })).not.toThrow("s3cret");
});
