import { expect, test } from "vitest";
import { EndpointKind } from "../../../src/capabilities/hosting/kinds.ts";
import { wakeEndpoint } from "../../../src/capabilities/hosting/wake-endpoint.ts";
import { setUp } from "./hosting-fixture.ts";

const AsyncInferenceConfig = { OutputConfig: { S3OutputPath: "s3://models/out" } };

/** An asynchronous endpoint of two variants, without an instance. */
async function asleep() {
  const all = await setUp();
  await all.model("iris");
  const variant = { ModelName: "iris", InstanceType: "ml.m5.large", InitialInstanceCount: 1 };
  await all.call("CreateEndpointConfig", {
    EndpointConfigName: "v1",
    ProductionVariants: [
      { ...variant, VariantName: "a", InitialVariantWeight: 1 },
      { ...variant, VariantName: "b", InitialVariantWeight: 2 },
    ],
    AsyncInferenceConfig,
  } as never);
  await all.call("CreateEndpoint", { EndpointName: "iris", EndpointConfigName: "v1" });
  await all.clock.advance(10);
  const counts = async () =>
    (await all.store.get(EndpointKind, "iris"))!.spec.variants.map(({ instanceCount }) => instanceCount);
  const scale = (count: number) =>
    all.call("UpdateEndpointWeightsAndCapacities", {
      EndpointName: "iris",
      DesiredWeightsAndCapacities: ["a", "b"].map((VariantName) => ({
        VariantName,
        DesiredInstanceCount: count,
      })),
    });
  await scale(0);
  await all.clock.advance(10);
  return { ...all, counts, wake: () => wakeEndpoint(all.store, all.clock, "iris") };
}

test("an asynchronous endpoint goes down to no instance, and the greatest variant is woken", async () => {
  const { state, counts, wake, clock, endpoint, engine } = await asleep();
  expect([await state(), await counts()]).toEqual(["InService", [0, 0]]);
  expect(engine.fleets().flatMap(({ instances }) => instances)).toEqual([]);
  await wake();
  expect(await state()).toBe("Updating");
  await expect(wake()).rejects.toThrow("Endpoint iris is Updating.");
  await clock.advance(10);
  expect([await state(), await counts()]).toEqual(["InService", [0, 1]]);
  await wake();
  expect(await state()).toBe("InService");
  expect((await endpoint()).AsyncInferenceConfig).toEqual(AsyncInferenceConfig);
});

test("nobody wakes an endpoint that is gone", async () => {
  const { wake, call, clock, store } = await asleep();
  await call("DeleteEndpoint", { EndpointName: "iris" });
  await clock.advance(10_000);
  await wake();
  expect(await store.names(EndpointKind)).toEqual([]);
});
