import type { ProductionVariant } from "@aws-sdk/client-sagemaker";
import { expect, test } from "vitest";
import { checkConfig, variantPlans } from "../../../src/capabilities/hosting/deployment-plan.ts";
import type { EndpointConfigSpec } from "../../../src/capabilities/hosting/kinds.ts";
import { updateServerless } from "../../../src/capabilities/hosting/serverless-plan.ts";

const variant: ProductionVariant = {
  VariantName: "a",
  ModelName: "iris",
  ServerlessConfig: { MemorySizeInMB: 2048, MaxConcurrency: 5, ProvisionedConcurrency: 2 },
};
const config = (changed: object = {}, more: object = {}): EndpointConfigSpec => ({
  EndpointConfigName: "c",
  ProductionVariants: [{ ...variant, ...changed }],
  ...more,
});
const withServerless = (changed: object) =>
  config({ ServerlessConfig: { ...variant.ServerlessConfig!, ...changed } });
const plan = (one = config()) => {
  checkConfig(one);
  return variantPlans(one, () => ({ ModelName: "iris", PrimaryContainer: { Image: "tideway/onnx" } }))[0]!;
};

test("a serverless variant runs on workers of its memory, and has 180 s to answer its first ping", () => {
  expect(plan()).toMatchObject({
    instanceType: "serverless.2048",
    instanceCount: 2,
    serverless: { memoryMiB: 2048, maxConcurrency: 5, provisionedConcurrency: 2 },
    startupTimeoutMs: 180_000,
  });
  // one proves that the model can be started
  expect(plan(withServerless({ ProvisionedConcurrency: undefined })).instanceCount).toBe(1);
});

test.each<[string, EndpointConfigSpec]>([
  [
    "can have one production variant only",
    config({}, { ProductionVariants: [variant, { ...variant, VariantName: "b" }] }),
  ],
  ["and no shadow variant", config({}, { ShadowProductionVariants: [{ ...variant, VariantName: "b" }] })],
  ["DataCaptureConfig is not supported", config({}, { DataCaptureConfig: { EnableCapture: false } })],
  ["AsyncInferenceConfig is not supported", config({}, { AsyncInferenceConfig: {} })],
  ["both ServerlessConfig and InstanceType", config({ InstanceType: "ml.m5.large" })],
  ["both ServerlessConfig and InitialInstanceCount", config({ InitialInstanceCount: 1 })],
  ["both ServerlessConfig and RoutingConfig", config({ RoutingConfig: { RoutingStrategy: "RANDOM" } })],
  ["must be 1024, 2048, 3072, 4096, 5120 or 6144, not 1500", withServerless({ MemorySizeInMB: 1500 })],
  ["needs a MaxConcurrency", withServerless({ MaxConcurrency: undefined })],
  [
    "ProvisionedConcurrency (6) must be less than or equal to MaxConcurrency (5)",
    withServerless({ ProvisionedConcurrency: 6 }),
  ],
])("a configuration is refused: %s", (message, bad) => {
  expect(() => checkConfig(bad)).toThrow(message);
});

test("an update changes the concurrency, and nothing else", () => {
  const before = plan();
  expect(updateServerless(before, { MaxConcurrency: 9 })).toEqual({
    ...before,
    serverless: { ...before.serverless, maxConcurrency: 9 },
  });
  expect(updateServerless(before, { ProvisionedConcurrency: 4 })).toEqual({
    ...before,
    instanceCount: 4,
    serverless: { ...before.serverless, provisionedConcurrency: 4 },
  });
  expect(() => updateServerless(before, { MaxConcurrency: 1 })).toThrow("ProvisionedConcurrency (2)");
  const { serverless: _, ...instances } = before;
  expect(() => updateServerless(instances, { MaxConcurrency: 1 })).toThrow("variant a is not serverless");
});
