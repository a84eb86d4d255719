import type { Context } from "../../../src/wire/context.ts";
import { silentLog } from "../../../src/base/log.ts";
import { endpointReconciler } from "../../../src/capabilities/hosting/controller.ts";
import { endpointOfFleet } from "../../../src/capabilities/hosting/fleets.ts";
import { EndpointKind } from "../../../src/capabilities/hosting/kinds.ts";
import { hostingOperations } from "../../../src/capabilities/hosting/operations.ts";
import { NoSuchObject, type ObjectInfo, type ObjectStore } from "../../../src/objects/object-store.ts";
import { runController } from "../../../src/state/controller.ts";
import { MemoryStore } from "../../../src/state/memory-store.ts";
import { WorkerScale } from "../../../src/capabilities/hosting/worker-scale.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { FakeEngine } from "../../support/fake-engine.ts";
import { FakeRoutes } from "../../support/fake-routes.ts";
import { SeededRandom } from "../../support/seeded-random.ts";

export const account = { region: "us-east-1", accountId: "000000000000" };
/** A caller that stays, with the headers it sent. */
export const contextOf = (headers: Record<string, string> = {}) =>
  ({ signal: new AbortController().signal, request: { headers } }) as Context;

/** Objects by `bucket/key`, of no content: hosting only asks whether they are there. */
class FakeObjects implements ObjectStore {
  readonly keys = new Set(["models/iris.tar.gz", "models/folder/model.onnx"]);
  async head(bucket: string, key: string): Promise<ObjectInfo> {
    if (!this.keys.has(`${bucket}/${key}`))
      throw new NoSuchObject(`There is no object s3://${bucket}/${key}.`);
    return { key, size: 1, etag: "e", modifiedAt: 0 };
  }
  get(): never {
    throw new Error("hosting reads no object");
  }
  put(): never {
    throw new Error("hosting writes no object");
  }
  async *list(bucket: string, prefix: string): AsyncIterable<ObjectInfo> {
    for (const name of this.keys)
      if (name.startsWith(`${bucket}/${prefix}`))
        yield { key: name.slice(bucket.length + 1), size: 1, etag: "e", modifiedAt: 0 };
  }
  async [Symbol.asyncDispose](): Promise<void> {}
}

/** Hosting with everything around it under a test's hand. */
export async function setUp({ describeHoldMs = 0 } = {}) {
  const clock = new FakeClock();
  const random = new SeededRandom(1);
  const store = new MemoryStore({ clock, random });
  const engine = new FakeEngine();
  const routes = new FakeRoutes();
  const objects = new FakeObjects();
  const api = hostingOperations({ account, store, objects, clock, describeHoldMs });
  const start = async (scale = new WorkerScale(clock, 300_000)) => {
    const reconcile = endpointReconciler({ store, engine, routes, clock, log: silentLog, scale });
    const controller = await runController(store, EndpointKind, reconcile, { clock, random, log: silentLog });
    const look = (fleet: string) => controller.enqueue(endpointOfFleet(fleet)!);
    engine.watch(look);
    scale.watch(look);
    return controller;
  };
  const scale = new WorkerScale(clock, 300_000);
  const controller = await start(scale);

  const call = <Operation extends keyof typeof api>(
    operation: Operation,
    input: Parameters<NonNullable<(typeof api)[Operation]>>[0],
    headers: Record<string, string> = {},
  ) => (api[operation] as (input: unknown, context: Context) => Promise<any>)(input, contextOf(headers));
  const model = (name: string, image = "tideway/onnx") =>
    call("CreateModel", {
      ModelName: name,
      PrimaryContainer: { Image: image, ModelDataUrl: "s3://models/iris.tar.gz" },
    });
  const config = (
    name: string,
    ...variants: {
      VariantName?: string;
      ModelName?: string;
      InitialInstanceCount?: number;
      InitialVariantWeight?: number;
    }[]
  ) =>
    call("CreateEndpointConfig", {
      EndpointConfigName: name,
      ProductionVariants: variants.map((variant) => ({
        VariantName: "AllTraffic",
        ModelName: "iris",
        InstanceType: "ml.m5.large",
        InitialInstanceCount: 1,
        ...variant,
      })),
    } as never);
  const endpoint = async (name = "iris") => call("DescribeEndpoint", { EndpointName: name });
  const state = async (name = "iris") => (await store.get(EndpointKind, name))?.status.state;
  return {
    clock,
    store,
    engine,
    routes,
    objects,
    api,
    controller,
    scale,
    start,
    call,
    model,
    config,
    endpoint,
    state,
  };
}

/** Hosting with the endpoint `iris` in service. */
export async function inService(...variants: Parameters<Awaited<ReturnType<typeof setUp>>["config"]>[1][]) {
  const all = await setUp();
  await all.model("iris");
  await all.config("v1", ...(variants.length ? variants : [{}]));
  await all.call("CreateEndpoint", { EndpointName: "iris", EndpointConfigName: "v1" });
  await all.clock.advance(10);
  return all;
}
