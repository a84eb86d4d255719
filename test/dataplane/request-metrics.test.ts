import { describe, expect, test } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import { silentLog } from "../../src/base/log.ts";
import { systemRandom } from "../../src/base/random.ts";
import { createDataPlane } from "../../src/dataplane/create-data-plane.ts";
import type { DataPlane } from "../../src/dataplane/data-plane.ts";
import { RequestMetrics } from "../../src/dataplane/request-metrics.ts";
import type { VariantRoute } from "../../src/dataplane/routing-table.ts";
import { type Metric } from "../../src/telemetry/metric.ts";
import type { Point } from "../../src/telemetry/point.ts";
import { endpoint, invocation, table, variant } from "./routing.ts";
import { httpInstance, rawInstance, type TestInstance } from "./test-instance.ts";
import { keeper } from "../support/keep.ts";

const keep = keeper();

/** Answers with the status that the body is. */
const answering = (): Promise<TestInstance> =>
  httpInstance((_, body, reply) => void reply.writeHead(Number(body.toString())).end("answer"));

function serving(...variants: VariantRoute[]) {
  const metrics = new RequestMetrics();
  const dataPlane = keep(
    createDataPlane({
      clock: systemClock,
      random: systemRandom,
      log: silentLog,
      metrics,
      limits: { readyWaitMs: 20, responseBytes: 100 },
    }),
  );
  dataPlane.route(table(1, endpoint(variants)));
  return { metrics, dataPlane };
}

const ask = (dataPlane: DataPlane, status: number, targetVariant?: string) =>
  dataPlane.invoke(invocation({ body: Buffer.from(String(status)), targetVariant }));

/** What is collected, as "sum of count unit", by name; each with its dimensions where these are asked for. */
function collected(metrics: RequestMetrics, describe = ({ name }: Metric) => name): Record<string, string> {
  const found: Record<string, string> = {};
  const add = (metric: Metric, unit: string, _at: number, _resolution: number, { sum, count }: Point) => {
    expect(metric.namespace).toBe("AWS/SageMaker");
    found[describe(metric)] =
      unit === "Microseconds" ? `${sum > 0 ? "some" : "no"} time in ${count}` : `${sum} of ${count}`;
  };
  metrics.collect({ add } as never, 0);
  return found;
}

describe("an invocation counts", () => {
  test("with its latencies, and errors as AWS tells them apart", async () => {
    const instance = keep(await answering());
    const { metrics, dataPlane } = serving(variant([instance.route]));
    for (const status of [200, 200, 404, 503, 302]) await ask(dataPlane, status);
    expect(collected(metrics)).toEqual({
      Invocations: "5 of 5",
      Invocation4XXErrors: "1 of 5",
      Invocation5XXErrors: "1 of 5",
      InvocationModelErrors: "3 of 5",
      InvocationsPerInstance: "5 of 5",
      ModelLatency: "some time in 5",
      OverheadLatency: "no time in 5",
    });
    expect(collected(metrics)).toEqual({});
  });

  test("with what passed before a model got it as overhead", async () => {
    const instance = keep(await answering());
    const { metrics, dataPlane } = serving(variant([instance.route]));
    const receivedAt = systemClock.monotonic() - 5;
    await dataPlane.invoke(invocation({ body: Buffer.from("200"), receivedAt }));
    expect(collected(metrics)).toMatchObject({ OverheadLatency: "some time in 1" });
  });

  test("a part for each instance", async () => {
    const instances = [keep(await answering()).route, keep(await answering()).route];
    const { metrics, dataPlane } = serving(variant(instances));
    for (let requests = 0; requests < 5; requests++) await ask(dataPlane, 200);
    expect(collected(metrics)).toMatchObject({ Invocations: "5 of 5", InvocationsPerInstance: "2.5 of 5" });
  });

  test("as a model error when nobody answers it, or too much is answered", async () => {
    const broken = keep(await rawInstance((socket) => socket.destroy()));
    const long = keep(await httpInstance((_, __, reply) => void reply.end("x".repeat(200))));
    const { metrics, dataPlane } = serving(
      variant([broken.route]),
      variant([long.route], { name: "long", fleet: "2" }),
    );
    expect(await ask(dataPlane, 200, "primary")).toMatchObject({ kind: "model-error" });
    expect(await ask(dataPlane, 200, "long")).toMatchObject({ kind: "model-error" });
    const byVariant = ({ name, dimensions }: Metric) => `${name} ${dimensions[1]![1]}`;
    const model = { Invocations: "1 of 1", InvocationModelErrors: "1 of 1", Invocation5XXErrors: "0 of 1" };
    expect(collected(metrics, byVariant)).toMatchObject(
      Object.fromEntries(
        ["primary", "long"].flatMap((name) =>
          Object.entries(model).map(([key, value]) => [`${key} ${name}`, value]),
        ),
      ),
    );
  });

  test("once when it had to be tried elsewhere", async () => {
    const gone = await answering();
    const { route } = gone;
    await gone[Symbol.asyncDispose]();
    const { metrics, dataPlane } = serving(variant([route]));
    await ask(dataPlane, 200);
    expect(collected(metrics)).toMatchObject({ Invocations: "1 of 1", InvocationModelErrors: "1 of 1" });
  });

  test("without a latency when its caller leaves, and without an instance when none is ready", async () => {
    const silent = keep(await rawInstance(() => {}));
    const { metrics, dataPlane } = serving(
      variant([silent.route]),
      variant([], { name: "coming", fleet: "2", pending: 1 }),
    );
    const caller = new AbortController();
    const outcome = dataPlane.invoke(invocation({ signal: caller.signal, targetVariant: "primary" }));
    caller.abort();
    expect(await outcome).toEqual({ kind: "cancelled" });
    expect(collected(metrics)).toMatchObject({ Invocations: "1 of 1", Invocation5XXErrors: "0 of 1" });
    expect(await ask(dataPlane, 200, "coming")).toMatchObject({ kind: "not-ready" });
    expect(collected(metrics)).toEqual({
      Invocations: "1 of 1",
      Invocation4XXErrors: "0 of 1",
      Invocation5XXErrors: "1 of 1",
      InvocationModelErrors: "0 of 1",
    });
    expect(await ask(dataPlane, 200, "no-such-variant")).toMatchObject({ kind: "unknown-variant" });
    expect(collected(metrics)).toEqual({});
  });
});

test("a stream counts its first part, and whether it broke off", async () => {
  const instance = keep(
    await httpInstance((_, body, reply) => {
      reply.write("first ");
      if (body.toString() === "whole") reply.end("last");
      else setImmediate(() => reply.destroy());
    }),
  );
  const { metrics, dataPlane } = serving(variant([instance.route]));
  for (const body of ["whole", "broken"]) {
    const outcome = await dataPlane.invokeStreaming(invocation({ body: Buffer.from(body) }));
    if (outcome.kind !== "answered") throw new Error(outcome.kind);
    await Array.fromAsync(outcome.body).catch(() => {});
  }
  expect(collected(metrics)).toMatchObject({
    Invocations: "2 of 2",
    InvocationModelErrors: "0 of 2",
    MidStreamErrors: "1 of 2",
    FirstChunkLatency: "some time in 2",
    FirstChunkModelLatency: "some time in 2",
    FirstChunkOverheadLatency: "no time in 2",
    ModelLatency: "some time in 2",
  });
});

test("in a deployment, the configuration's requests are told apart, too; afterwards the counts go on", async () => {
  const instance = keep(await answering());
  const { metrics, dataPlane } = serving(variant([instance.route]));
  await ask(dataPlane, 200);
  dataPlane.route(table(2, endpoint([variant([instance.route], { config: "new" })])));
  await ask(dataPlane, 200);
  const sums: Record<string, number> = {};
  const add = (
    { name, dimensions }: Metric,
    _unit: string,
    _at: number,
    _resolution: number,
    { sum }: Point,
  ) => {
    const key = `${name} ${dimensions.flat().join(" ")}`;
    sums[key] = (sums[key] ?? 0) + sum;
  };
  metrics.collect({ add } as never, 0);
  expect(sums).toMatchObject({
    "Invocations EndpointName Iris VariantName primary": 2,
    "Invocations EndpointConfigName new EndpointName Iris VariantName primary": 1,
  });
});

test("a variant without a route is forgotten after a while", () => {
  const metrics = new RequestMetrics();
  const first = metrics.enter("Iris", "primary");
  expect(metrics.enter("iris", "primary")).toBe(first);
  first.users -= 2;
  for (let seconds = 0; seconds < 200; seconds++) metrics.collect({ add: () => {} } as never, 0);
  expect(metrics.enter("Iris", "primary")).not.toBe(first);
});
