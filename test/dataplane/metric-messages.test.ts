import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import { silentLog } from "../../src/base/log.ts";
import { systemRandom } from "../../src/base/random.ts";
import { ControlLink } from "../../src/dataplane/control-link.ts";
import { createDataPlane } from "../../src/dataplane/create-data-plane.ts";
import { GatewayHub } from "../../src/dataplane/gateway-hub.ts";
import { readDatum, writeDatum } from "../../src/dataplane/metric-messages.ts";
import { metricOf } from "../../src/telemetry/metric.ts";
import { MetricOutbox } from "../../src/telemetry/metric-outbox.ts";
import { MetricStore } from "../../src/telemetry/metric-store.ts";
import type { Datum, MetricStorage } from "../../src/telemetry/metrics.ts";
import { pointOf, statisticSet } from "../../src/telemetry/point.ts";

const requests = metricOf("AWS/SageMaker", "Invocations", [
  ["EndpointName", "iris"],
  ["VariantName", "primary"],
]);
const datum: Datum = { metric: requests, unit: "None", at: 60_000, resolution: 60, point: pointOf(2.5, 3) };

describe("a datum", () => {
  test("is read as it was written", () => {
    for (const point of [pointOf(2.5, 3), statisticSet(30, 3, 5, 15)]) {
      const { point: read, ...rest } = readDatum(JSON.parse(JSON.stringify(writeDatum({ ...datum, point }))));
      expect({ ...rest, point: undefined }).toEqual({ ...datum, point: undefined });
      expect([read.sum, read.count, read.min, read.max]).toEqual([
        point.sum,
        point.count,
        point.min,
        point.max,
      ]);
      expect(read.sketch?.pack()).toEqual(point.sketch?.pack());
    }
  });

  test.each([
    [{ unit: 1 }, "unit must be a string"],
    [{ resolution: 10 }, "resolution must be 1 or 60"],
    [{ dimensions: [["EndpointName", 1]] }, "dimensions must be strings"],
    [{ point: "AAAA" }, RangeError],
  ])("with %o is refused", (wrong, error) => {
    expect(() => readDatum({ ...writeDatum(datum), ...wrong })).toThrow(error);
  });
});

describe("from a gateway to the store of control", () => {
  let dir = "";
  let open: AsyncDisposableStack;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), "tideway-metrics-"));
    open = new AsyncDisposableStack();
    open.defer(() => rm(dir, { recursive: true }));
  });
  afterEach(() => open.disposeAsync());

  const startHub = (metrics: MetricStorage) =>
    GatewayHub.open({
      socketPath: join(dir, "control.sock"),
      file: join(dir, "routes"),
      session: "one",
      clock: systemClock,
      log: silentLog,
      metrics,
    });

  async function startLink(id: string): Promise<ControlLink> {
    const ports = { clock: systemClock, log: silentLog };
    const dataPlane = open.use(createDataPlane({ ...ports, random: systemRandom }));
    const file = join(dir, "routes");
    const socketPath = join(dir, "control.sock");
    const link = open.use(new ControlLink({ socketPath, file, session: "one", id, dataPlane, ...ports }));
    await link.start();
    return link;
  }

  test("each count arrives once, though control is away, forgets to answer, and is restarted", async () => {
    const startStore = () =>
      MetricStore.open({ file: join(dir, "metrics"), clock: systemClock, log: silentLog, fatal: () => {} });
    let store = startStore();
    /** Keeps what it gets, and is gone before it can say so. */
    const lastTaken = Promise.withResolvers<void>();
    const dying: MetricStorage = {
      put: async (data, sender) => {
        await store.put(data, sender);
        lastTaken.resolve();
        await new Promise(() => {});
      },
    };
    let hub = await startHub(dying);
    const link = await startLink("one");
    const from = Date.now() - (Date.now() % 60_000);
    const outbox = new MetricOutbox({
      id: "gateway one",
      send: (data, sender) => link.keepMetrics(data, sender),
      clock: systemClock,
      log: silentLog,
    });
    outbox.record(requests, "None", 1);
    await lastTaken.promise;
    await hub[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();
    outbox.record(requests, "None", 10);
    store = open.use(startStore());
    hub = open.use(await startHub(store));
    outbox.record(requests, "None", 100);
    await outbox[Symbol.asyncDispose]();
    const [series] = store.query({ metric: requests, from, to: from + 3_600_000, period: 3600 });
    expect(series!.buckets.reduce((sum, bucket) => sum + bucket.sum, 0)).toBe(111);
  });

  test("what is in flight is the sum of what all gateways say, and nothing of one that is gone", async () => {
    const hub = open.use(await startHub({ put: async () => {} }));
    const [one, two] = [await startLink("one"), await startLink("two")];
    one.load({ a: 1, b: 2 });
    two.load({ b: 3 });
    const until = async (load: object) => {
      while (JSON.stringify(hub.load()) !== JSON.stringify(load)) await new Promise(setImmediate);
    };
    await until({ a: 1, b: 5 });
    one.load({});
    await until({ b: 3 });
    two[Symbol.dispose]();
    await until({});
    expect(hub.load()).toEqual({});
  });
});
