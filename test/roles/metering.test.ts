import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as cloudwatch from "@aws-sdk/client-cloudwatch";
import { afterAll, beforeAll, expect, test } from "vitest";
import { RequestSigner } from "../../src/cli/sign-request.ts";
import { EXAMPLES, modelArchive, TidewayServer } from "../support/tideway-server.ts";

const MODEL = readFileSync(join(EXAMPLES, "breast-cancer/model.onnx"));
const ROW = readFileSync(join(EXAMPLES, "breast-cancer/rows.csv"), "utf8").split("\n")[0]!;
const DIMENSIONS = [
  { Name: "EndpointName", Value: "Cancer" },
  { Name: "VariantName", Value: "AllTraffic" },
];

let server: TidewayServer;
let client: cloudwatch.CloudWatchClient;
beforeAll(async () => {
  server = await TidewayServer.start();
  const { url: endpoint, region, accessKeyId, secretAccessKey } = server.server;
  client = new cloudwatch.CloudWatchClient({
    endpoint,
    region,
    credentials: { accessKeyId, secretAccessKey },
  });
  const ModelDataUrl = await server.upload("cancer.tar.gz", await modelArchive({ "model.onnx": MODEL }));
  await server.deploy("Cancer", { Image: "tideway/auto", ModelDataUrl });
}, 60_000);
afterAll(async () => {
  client.destroy();
  await server[Symbol.asyncDispose]();
});

/** The last hour's points of a metric, once there are as many values as that. */
async function points(MetricName: string, Period: number, values: number): Promise<cloudwatch.Datapoint[]> {
  for (;;) {
    const { Datapoints = [] } = await client.send(
      new cloudwatch.GetMetricStatisticsCommand({
        Namespace: "AWS/SageMaker",
        MetricName,
        Dimensions: DIMENSIONS,
        StartTime: new Date(Date.now() - 3_600_000),
        EndTime: new Date(Date.now() + 60_000),
        Period,
        Statistics: ["Sum", "SampleCount", "Maximum"],
      }),
    );
    if (Datapoints.reduce((sum, { SampleCount = 0 }) => sum + SampleCount, 0) >= values) return Datapoints;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

test("what invocations are, and take, is seen in CloudWatch, under the endpoint's own name", async () => {
  for (let requests = 0; requests < 3; requests++) await server.invoke("cancer", ROW);
  await expect(server.invoke("cancer", "no,numbers")).rejects.toThrow("primary");
  const sum = async (name: string) => (await points(name, 60, 4)).reduce((all, { Sum = 0 }) => all + Sum, 0);
  expect(await sum("Invocations")).toBe(4);
  expect(await sum("Invocation4XXErrors")).toBe(1);
  expect(await sum("InvocationModelErrors")).toBe(1);
  expect(await sum("InvocationsPerInstance")).toBe(4);
  // microseconds: no model answers in one, and overhead is not a part of it
  expect(await sum("ModelLatency")).toBeGreaterThan(4);
  expect(await sum("OverheadLatency")).toBeGreaterThan(0);
});

test("concurrency is told by ten seconds while there is none", async () => {
  const [first] = await points("ConcurrentRequestsPerModel", 10, 1);
  expect(first).toMatchObject({ Sum: 0, Maximum: 0 });
});

test("how full the store is, is told to who signs", async () => {
  const url = new URL("/_tideway/status", server.server.url);
  expect((await fetch(url)).status).toBe(403);
  const headers = new RequestSigner(server.server).headers({ method: "GET", url }, new Date());
  delete headers["host"]; // fetch sets it
  const { metrics } = (await (await fetch(url, { headers })).json()) as { metrics: Record<string, number> };
  expect(metrics).toMatchObject({ maxBytes: 2 ** 30, retention: 1 });
  expect(metrics["bytes"]).toBeGreaterThan(0);
  expect(metrics["series"]).toBeGreaterThan(5);
});
