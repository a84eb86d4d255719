/** What a serverless variant may be: AWS's rules, as pure functions. */
import type {
  ProductionVariant,
  ProductionVariantServerlessConfig,
  ProductionVariantServerlessUpdateConfig,
} from "@aws-sdk/client-sagemaker";
import { serverlessType } from "../../compute/instance-types.ts";
import { invalid } from "../../sagemaker/errors.ts";
import type { EndpointConfigSpec, VariantPlan } from "./kinds.ts";

/** What the fleet of a serverless variant runs as: an instance type of its memory, and enough of them to be provisioned. */
export function serverlessPlan(
  config: ProductionVariantServerlessConfig,
): Pick<VariantPlan, "instanceType" | "instanceCount" | "serverless"> {
  const { MemorySizeInMB, MaxConcurrency, ProvisionedConcurrency = 0 } = config;
  return {
    instanceType: serverlessType(MemorySizeInMB!),
    // one instance proves that the model can be started at all
    instanceCount: Math.max(1, ProvisionedConcurrency),
    serverless: {
      memoryMiB: MemorySizeInMB!,
      maxConcurrency: MaxConcurrency!,
      provisionedConcurrency: ProvisionedConcurrency,
    },
  };
}

/** Refuses what AWS excludes from serverless inference. */
export function checkServerless(config: EndpointConfigSpec): void {
  const variants = [...(config.ProductionVariants ?? []), ...(config.ShadowProductionVariants ?? [])];
  const serverless = variants.find(({ ServerlessConfig }) => ServerlessConfig);
  if (!serverless) return;
  if (variants.length > 1)
    throw invalid(
      "An endpoint configuration with a ServerlessConfig can have one production variant only, and no shadow variant.",
    );
  if (config.DataCaptureConfig) throw invalid("DataCaptureConfig is not supported for serverless endpoints.");
  if (config.AsyncInferenceConfig)
    throw invalid("AsyncInferenceConfig is not supported for serverless endpoints.");
  for (const member of INSTANCE_MEMBERS)
    if (serverless[member] !== undefined)
      throw invalid(
        `Variant ${serverless.VariantName} has both ServerlessConfig and ${member}: specify only one of them.`,
      );
  const { MemorySizeInMB, MaxConcurrency, ProvisionedConcurrency } = serverless.ServerlessConfig!;
  if (!MemorySizeInMB || MemorySizeInMB % 1024 !== 0)
    throw invalid(
      `MemorySizeInMB must be 1024, 2048, 3072, 4096, 5120 or 6144, not ${MemorySizeInMB ?? "missing"}.`,
    );
  if (MaxConcurrency === undefined) throw invalid("ServerlessConfig needs a MaxConcurrency.");
  checkConcurrency(MaxConcurrency, ProvisionedConcurrency);
}

const INSTANCE_MEMBERS = [
  "InstanceType",
  "InitialInstanceCount",
  "AcceleratorType",
  "VolumeSizeInGB",
  "ManagedInstanceScaling",
  "InstancePools",
  "RoutingConfig",
] as const satisfies readonly (keyof ProductionVariant)[];

function checkConcurrency(most: number, provisioned: number | undefined): void {
  if (provisioned !== undefined && provisioned > most)
    throw invalid(
      `ProvisionedConcurrency (${provisioned}) must be less than or equal to MaxConcurrency (${most}).`,
    );
}

/** The variant with another concurrency. */
export function updateServerless(
  variant: VariantPlan,
  { MaxConcurrency, ProvisionedConcurrency }: ProductionVariantServerlessUpdateConfig,
): VariantPlan {
  if (!variant.serverless)
    throw invalid(`ServerlessUpdateConfig: variant ${variant.name} is not serverless.`);
  const { memoryMiB, maxConcurrency, provisionedConcurrency } = variant.serverless;
  const most = MaxConcurrency ?? maxConcurrency;
  const provisioned = ProvisionedConcurrency ?? provisionedConcurrency;
  checkConcurrency(most, provisioned);
  return {
    ...variant,
    ...serverlessPlan({
      MemorySizeInMB: memoryMiB,
      MaxConcurrency: most,
      ProvisionedConcurrency: provisioned,
    }),
  };
}

/** The variant's ServerlessConfig as DescribeEndpoint tells it. */
export function describeServerless({
  serverless,
}: VariantPlan): ProductionVariantServerlessConfig | undefined {
  return (
    serverless && {
      MemorySizeInMB: serverless.memoryMiB,
      MaxConcurrency: serverless.maxConcurrency,
      ...(serverless.provisionedConcurrency > 0 && {
        ProvisionedConcurrency: serverless.provisionedConcurrency,
      }),
    }
  );
}
