import { expect, test } from "vitest";
import { checkConfig, variantPlans } from "../../../src/capabilities/hosting/deployment-plan.ts";

const variant = {
  VariantName: "a",
  ModelName: "iris",
  InstanceType: "ml.m5.large",
  InitialInstanceCount: 1,
} as const;
const config = (...variants: object[]) => ({
  EndpointConfigName: "v1",
  ProductionVariants: variants as never,
});
const model = () => ({
  ModelName: "iris",
  PrimaryContainer: {
    Image: "tideway/onnx",
    ModelDataUrl: "s3://models/iris.tar.gz",
    Environment: { A: "1" },
  },
});

test("a variant says how it is run, with AWS's defaults", () => {
  expect(variantPlans(config(variant), model)).toEqual([
    {
      name: "a",
      modelName: "iris",
      instanceType: "ml.m5.large",
      instanceCount: 1,
      weight: 1,
      routing: "LEAST_OUTSTANDING_REQUESTS",
      downloadTimeoutMs: 3_600_000,
      startupTimeoutMs: 240_000,
      container: {
        image: "tideway/onnx",
        environment: { A: "1" },
        artifact: { uri: "s3://models/iris.tar.gz", dataType: "S3Object", compression: "Gzip" },
      },
    },
  ]);
});

test("timeouts, weight and routing of the variant are honoured", () => {
  const [plan] = variantPlans(
    config({
      ...variant,
      InitialVariantWeight: 0,
      ContainerStartupHealthCheckTimeoutInSeconds: 60,
      ModelDataDownloadTimeoutInSeconds: 120,
      RoutingConfig: { RoutingStrategy: "RANDOM" },
    }),
    model,
  );
  expect(plan).toMatchObject({
    weight: 0,
    startupTimeoutMs: 60_000,
    downloadTimeoutMs: 120_000,
    routing: "RANDOM",
  });
});

test.each([
  [{ ...variant, RoutingConfig: { RoutingStrategy: "PREFIX_AWARE" } }, "PREFIX_AWARE"],
  [{ ...variant, ManagedInstanceScaling: { Status: "ENABLED" } }, "managed instance scaling"],
  [{ ...variant, ModelName: undefined }, "inference components"],
  [{ ...variant, InstanceType: undefined }, "Variant a needs an InstanceType."],
  [{ ...variant, InitialInstanceCount: 0 }, "Variant a needs an InitialInstanceCount of 1 or more."],
])("a variant %j is refused: %s", (bad, message) => {
  expect(() => checkConfig(config(bad))).toThrow(message);
});

test.each([
  [{ AsyncInferenceConfig: { OutputConfig: {} } }, "AsyncInferenceConfig needs an S3OutputPath"],
  [
    { AsyncInferenceConfig: { OutputConfig: { S3OutputPath: "https://x/y" } } },
    "S3OutputPath must have the form s3://bucket/prefix, not https://x/y.",
  ],
  [{ ShadowProductionVariants: [] }, "a shadow variant"],
  [{ ExplainerConfig: {} }, "online explainability"],
  [{ DataCaptureConfig: { EnableCapture: true } }, "data capture"],
  [{ MetricsConfig: { EnableEnhancedMetrics: true } }, "enhanced metrics"],
])("a configuration with %j is refused: %s", (more, message) => {
  expect(() => checkConfig({ ...config(variant), ...more } as never)).toThrow(message);
});

test("two variants of one name are refused", () => {
  expect(() => checkConfig(config(variant, variant))).toThrow("a occurs twice");
});

test("a script that the SageMaker SDK uploaded apart from the artifact is a source of its own", () => {
  const code = (uri: string) => () => ({
    ModelName: "iris",
    PrimaryContainer: { Image: "i", Environment: { SAGEMAKER_SUBMIT_DIRECTORY: uri } },
  });
  const [plan] = variantPlans(config(variant), code("s3://bucket/sourcedir.tar.gz"));
  expect(plan!.container.code).toEqual({
    uri: "s3://bucket/sourcedir.tar.gz",
    dataType: "S3Object",
    compression: "Gzip",
  });
  expect(variantPlans(config(variant), code("/opt/ml/model/code"))[0]!.container).not.toHaveProperty("code");
  expect(() => variantPlans(config(variant), code("s3://bucket"))).toThrow(
    "SAGEMAKER_SUBMIT_DIRECTORY must name an object, not s3://bucket.",
  );
});
