import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { OtlpCollector, type Received } from "../support/otlp-collector.ts";
import { EXAMPLES, modelArchive, TidewayServer } from "../support/tideway-server.ts";

const MODEL = readFileSync(join(EXAMPLES, "breast-cancer/model.onnx"));
const ROW = readFileSync(join(EXAMPLES, "breast-cancer/rows.csv"), "utf8").split("\n")[0]!;
const BOARD = readFileSync(new URL("../../deploy/grafana/tideway.json", import.meta.url), "utf8");
const PAGE = readFileSync(new URL("../../docs/observability.md", import.meta.url), "utf8");
const OWN = 'endpoint="Cancer",variant="AllTraffic"';

let server: TidewayServer;
beforeAll(async () => {
  server = await TidewayServer.start();
  const ModelDataUrl = await server.upload("cancer.tar.gz", await modelArchive({ "model.onnx": MODEL }));
  await server.deploy("Cancer", { Image: "tideway/auto", ModelDataUrl });
}, 60_000);
afterAll(() => server[Symbol.asyncDispose]());

async function scrape(): Promise<string> {
  const answer = await fetch(new URL("/metrics", server.server.url));
  expect(answer.status).toBe(200);
  return answer.text();
}

/** What is exported, once it holds this line. */
async function scrapedWith(line: string): Promise<string> {
  for (;;) {
    const text = await scrape();
    if (text.split("\n").includes(line)) return text;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

test("what invocations are is counted, each once", async () => {
  for (let requests = 0; requests < 3; requests++) await server.invoke("cancer", ROW);
  await expect(server.invoke("cancer", "no,numbers")).rejects.toThrow("primary");
  const text = await scrapedWith(`tideway_invocations_total{${OWN}} 4`);
  const lines = text.split("\n");
  expect(lines).toContain(`tideway_invocation_errors_total{${OWN},kind="4xx"} 1`);
  expect(lines).toContain(`tideway_invocation_errors_total{${OWN},kind="5xx"} 0`);
  expect(lines).toContain(`tideway_invocation_errors_total{${OWN},kind="model"} 1`);
  for (const name of ["model", "overhead"]) {
    expect(lines).toContain(`tideway_${name}_latency_seconds_bucket{${OWN},le="+Inf"} 4`);
    expect(lines).toContain(`tideway_${name}_latency_seconds_bucket{${OWN},le="60.0"} 4`);
    expect(lines).toContain(`tideway_${name}_latency_seconds_count{${OWN}} 4`);
  }
  expect(lines).toContain(`tideway_instances_desired{${OWN}} 1`);
  expect(lines).toContain(`tideway_instances_ready{${OWN}} 1`);
  expect(lines).toContain(`tideway_in_flight_requests{${OWN}} 0`);
  expect(lines).toContain('tideway_alarms{state="ALARM"} 0');
  expect(text).toMatch(/^tideway_process_resident_memory_bytes\{process="0",role="control"\} \d{7,}$/m);
});

test("every line is a comment or a sample, no series is there twice, and no family", async () => {
  const lines = (await scrape()).trimEnd().split("\n");
  const samples = lines.filter((line) => !line.startsWith("# "));
  for (const sample of samples)
    expect(sample).toMatch(/^tideway_[a-z_]+(\{([a-z]+="[^"]*",?)+\})? [-+.\deInfNa]+$/);
  const series = samples.map((sample) => sample.slice(0, sample.lastIndexOf(" ")));
  expect(new Set(series).size).toBe(series.length);
  const types = lines.filter((line) => line.startsWith("# TYPE "));
  expect(new Set(types).size).toBe(types.length);
});

/** Names of samples, by the family that they are of. */
async function exported(): Promise<Map<string, string[]>> {
  const types = [...(await scrape()).matchAll(/^# TYPE (\w+) (\w+)$/gm)];
  return new Map(
    types.map(([, name = "", type]) => [
      name,
      type === "histogram" ? [name, `${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
    ]),
  );
}

test("all that the Grafana board shows is exported", async () => {
  const names = new Set([...(await exported()).values()].flat());
  const shown = new Set(BOARD.match(/\btideway_\w+/g));
  expect(shown.size).toBeGreaterThan(10);
  expect([...shown].filter((name) => !names.has(name))).toEqual([]);
});

test("the page names all that is exported, and nothing else", async () => {
  const told = new Set(PAGE.match(/\btideway_\w+/g));
  expect([...told].sort()).toEqual([...(await exported()).keys()].sort());
});

test("a collector that is named gets the same", async () => {
  await using collector = await OtlpCollector.start(200);
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_METRIC_EXPORT_INTERVAL: "50" };
  await using _ = await TidewayServer.start({ env });
  await collector.has(1);
  const [{ body }] = collector.received as [Received];
  expect(body.resourceMetrics[0].scopeMetrics[0].metrics).toContainEqual(
    expect.objectContaining({ name: "tideway_alarms" }),
  );
});
