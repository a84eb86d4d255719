/** From what the user wrote to what is run: pure functions, that refuse what can not be run. */
import type { AsyncInferenceConfig, ContainerDefinition, ProductionVariant } from "@aws-sdk/client-sagemaker";
import type { ArtifactSource, ContainerSpec } from "../../compute/engine.ts";
import { parseS3Uri } from "../../objects/object-store.ts";
import { invalid, unsupported } from "../../sagemaker/errors.ts";
import type { EndpointConfigSpec, ModelSpec, VariantPlan } from "./kinds.ts";
import { checkServerless, serverlessPlan } from "./serverless-plan.ts";

/** The one container of a model. */
export function containerOf(model: ModelSpec): ContainerDefinition {
  const { PrimaryContainer, Containers } = model;
  if (PrimaryContainer && Containers?.length)
    throw invalid("Specify either PrimaryContainer or Containers, not both.");
  if (Containers && Containers.length > 1)
    throw unsupported("Containers", "an inference pipeline of several containers");
  const container = PrimaryContainer ?? Containers?.[0];
  if (!container) throw invalid("Specify either PrimaryContainer or Containers.");
  if (container.ModelPackageName) throw unsupported("ModelPackageName", "a model from the Model Registry");
  if (container.InferenceSpecificationName)
    throw unsupported("InferenceSpecificationName", "a model from the Model Registry");
  if (container.Mode === "MultiModel") throw unsupported("Mode", "MultiModel");
  if (container.AdditionalModelDataSources?.length)
    throw unsupported("AdditionalModelDataSources", "a second model data source");
  if (!container.Image) throw invalid("The container needs an Image.");
  artifactSource(container);
  codeSource(container);
  return container;
}

/** Where the container's artifact lies; undefined for a container that brings its own model. */
export function artifactSource(
  container: ContainerDefinition,
): (ArtifactSource & { location: { bucket: string; key: string } }) | undefined {
  const { ModelDataUrl, ModelDataSource } = container;
  if (ModelDataUrl && ModelDataSource)
    throw invalid("Specify either ModelDataUrl or ModelDataSource, not both.");
  const source = ModelDataSource?.S3DataSource;
  if (source?.ManifestS3Uri) throw unsupported("ManifestS3Uri", "a manifest of model data");
  if (source?.HubAccessConfig) throw unsupported("HubAccessConfig", "model data of a hub");
  const uri = ModelDataUrl ?? source?.S3Uri;
  if (!uri) return undefined;
  const location = parseS3Uri(uri);
  // https addresses are refused: a server that fetches any address a caller names can be turned on its own network.
  if (!location) throw invalid(`The model data address must have the form s3://bucket/key, not ${uri}.`);
  const dataType = source?.S3DataType ?? "S3Object";
  if (dataType === "S3Prefix" && source?.CompressionType === "Gzip")
    throw invalid("CompressionType Gzip needs S3DataType S3Object.");
  if (dataType === "S3Object" && (location.key === "" || location.key.endsWith("/")))
    throw invalid(`The model data address must name an object, not ${uri}.`);
  return { uri, dataType, compression: source?.CompressionType ?? "Gzip", location };
}

/** Where the SageMaker Python SDK put the script of a framework's model, when it is not packed into the artifact. */
function codeSource({ Environment }: ContainerDefinition): { code?: ArtifactSource } {
  const uri = Environment?.["SAGEMAKER_SUBMIT_DIRECTORY"];
  if (!uri?.startsWith("s3://")) return {};
  if (!parseS3Uri(uri)?.key) throw invalid(`SAGEMAKER_SUBMIT_DIRECTORY must name an object, not ${uri}.`);
  return { code: { uri, dataType: "S3Object", compression: "Gzip" } };
}

/** What an instance of the model runs. */
export function containerSpec(model: ModelSpec): ContainerSpec {
  const container = containerOf(model);
  const artifact = artifactSource(container);
  return {
    image: container.Image!,
    environment: container.Environment ?? {},
    ...(artifact && {
      artifact: { uri: artifact.uri, dataType: artifact.dataType, compression: artifact.compression },
    }),
    ...codeSource(container),
    ...(container.ContainerHostname && { hostname: container.ContainerHostname }),
  };
}

/** What an endpoint of this configuration runs; `model` finds the models by name. */
export function variantPlans(
  config: EndpointConfigSpec,
  model: (name: string) => ModelSpec,
): readonly VariantPlan[] {
  return (config.ProductionVariants ?? []).map((variant) => {
    const { ModelName, ...instances } = checkVariant(variant);
    return {
      name: variant.VariantName!,
      modelName: ModelName,
      container: containerSpec(model(ModelName)),
      ...instances,
      weight: variant.InitialVariantWeight ?? 1,
      routing:
        (variant.RoutingConfig?.RoutingStrategy as VariantPlan["routing"] | undefined) ??
        "LEAST_OUTSTANDING_REQUESTS",
      downloadTimeoutMs: (variant.ModelDataDownloadTimeoutInSeconds ?? 3600) * 1000,
      startupTimeoutMs:
        (variant.ContainerStartupHealthCheckTimeoutInSeconds ?? usualStartupSeconds(variant)) * 1000,
    };
  });
}

/** The container contract's windows for a first healthy ping: 4 minutes, of a serverless endpoint 3. */
const usualStartupSeconds = ({ ServerlessConfig }: ProductionVariant) => (ServerlessConfig ? 180 : 240);

const LATER: readonly (readonly [keyof EndpointConfigSpec, string])[] = [
  ["ShadowProductionVariants", "a shadow variant"],
  ["ExplainerConfig", "online explainability"],
];

/** Refuses a configuration that can not be run, so that nothing is stored that fails later for a reason known now. */
export function checkConfig(config: EndpointConfigSpec): void {
  checkServerless(config);
  for (const [member, what] of LATER) if (config[member] !== undefined) throw unsupported(member, what);
  if (config.DataCaptureConfig?.EnableCapture) throw unsupported("DataCaptureConfig", "data capture");
  if (config.MetricsConfig?.EnableEnhancedMetrics) throw unsupported("MetricsConfig", "enhanced metrics");
  if (config.AsyncInferenceConfig) checkAsync(config.AsyncInferenceConfig);
  const names = new Set<string>();
  for (const variant of config.ProductionVariants ?? []) {
    checkVariant(variant);
    if (names.has(variant.VariantName!))
      throw invalid(`Each variant name must be unique: ${variant.VariantName} occurs twice.`);
    names.add(variant.VariantName!);
  }
}

function checkAsync({ OutputConfig }: AsyncInferenceConfig): void {
  const { S3OutputPath, S3FailurePath } = OutputConfig ?? {};
  if (!S3OutputPath) throw invalid("AsyncInferenceConfig needs an S3OutputPath in its OutputConfig.");
  for (const [member, uri] of Object.entries({ S3OutputPath, S3FailurePath }))
    if (uri !== undefined && !parseS3Uri(uri))
      throw invalid(`${member} must have the form s3://bucket/prefix, not ${uri}.`);
}

function checkVariant(
  variant: ProductionVariant,
): { ModelName: string } & Pick<VariantPlan, "instanceType" | "instanceCount" | "serverless"> {
  const { VariantName, ModelName, InstanceType, InitialInstanceCount } = variant;
  if (variant.ManagedInstanceScaling) throw unsupported("ManagedInstanceScaling", "managed instance scaling");
  if (variant.InstancePools) throw unsupported("InstancePools", "a pool of instance types");
  if (variant.RoutingConfig?.RoutingStrategy === "PREFIX_AWARE")
    throw unsupported("RoutingStrategy", "PREFIX_AWARE");
  if (!ModelName)
    throw unsupported("ModelName", `variant ${VariantName} without a ModelName (inference components)`);
  if (variant.ServerlessConfig) return { ModelName, ...serverlessPlan(variant.ServerlessConfig) };
  if (!InstanceType) throw invalid(`Variant ${VariantName} needs an InstanceType.`);
  if (!InitialInstanceCount)
    throw invalid(`Variant ${VariantName} needs an InitialInstanceCount of 1 or more.`);
  return { ModelName, instanceType: InstanceType, instanceCount: InitialInstanceCount };
}
