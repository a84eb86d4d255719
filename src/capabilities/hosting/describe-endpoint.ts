/** The answer of DescribeEndpoint, from the resource alone. */
import type {
  DescribeEndpointOutput,
  ProductionVariantSummary,
  VariantStatus,
} from "@aws-sdk/client-sagemaker";
import type { Resource } from "../../state/resource.ts";
import type {
  Deployment,
  EndpointConfigSpec,
  EndpointStatus,
  VariantPlan,
  VariantProgress,
} from "./kinds.ts";
import { describeServerless } from "./serverless-plan.ts";

/** `config`, if it still exists, adds what the endpoint does not act on but AWS repeats in its answer. */
export function describeEndpoint(
  endpoint: Resource<Deployment, EndpointStatus>,
  config: EndpointConfigSpec | undefined,
): DescribeEndpointOutput {
  const { spec, status } = endpoint;
  const { state, live, failureReason } = status;
  const replacing = live !== undefined && live.revision !== spec.revision;
  const shown = replacing ? live : spec;
  const phase = variantPhase(state);
  return {
    EndpointName: endpoint.name,
    EndpointArn: endpoint.arn,
    EndpointConfigName: shown.configName,
    EndpointStatus: state,
    CreationTime: new Date(endpoint.createdAt),
    LastModifiedTime: new Date(endpoint.updatedAt),
    ...(failureReason !== undefined && { FailureReason: failureReason }),
    ...(config?.DataCaptureConfig && {
      DataCaptureConfig: {
        EnableCapture: false,
        CaptureStatus: "Stopped",
        CurrentSamplingPercentage: config.DataCaptureConfig.InitialSamplingPercentage,
        DestinationS3Uri: config.DataCaptureConfig.DestinationS3Uri,
        KmsKeyId: config.DataCaptureConfig.KmsKeyId ?? "",
      },
    }),
    ...(shown.asyncInference && { AsyncInferenceConfig: shown.asyncInference }),
    ProductionVariants: shown.variants.map((variant) => {
      const was = live?.variants.find(({ name }) => name === variant.name);
      const progress = replacing ? { ready: was?.instanceCount ?? 0 } : status.progress[variant.name];
      return summary(
        endpoint,
        variant,
        was ?? { ...variant, weight: 0 },
        progress,
        replacing ? undefined : phase,
      );
    }),
    ...(replacing && {
      PendingDeploymentSummary: {
        EndpointConfigName: spec.configName,
        StartTime: new Date(status.since),
        ProductionVariants: spec.variants.map((variant) => ({
          ...summary(endpoint, variant, { ...variant, weight: 0 }, status.progress[variant.name], phase),
          InstanceType: variant.instanceType as never,
        })),
      },
    }),
  };
}

function summary(
  { status }: Resource<Deployment, EndpointStatus>,
  desired: VariantPlan,
  current: VariantPlan,
  progress: VariantProgress | undefined,
  phase: VariantStatus | undefined,
): ProductionVariantSummary {
  return {
    VariantName: desired.name,
    DeployedImages: [
      {
        SpecifiedImage: desired.container.image,
        ResolvedImage: progress?.resolvedImage ?? desired.container.image,
        ResolutionTime: new Date(status.since),
      },
    ],
    CurrentWeight: current.weight,
    DesiredWeight: desired.weight,
    ...(desired.serverless
      ? {
          CurrentInstanceCount: 0,
          CurrentServerlessConfig: describeServerless(current),
          DesiredServerlessConfig: describeServerless(desired),
        }
      : {
          CurrentInstanceCount: progress?.ready ?? 0,
          DesiredInstanceCount: desired.instanceCount,
          RoutingConfig: { RoutingStrategy: desired.routing },
        }),
    ...(phase && {
      VariantStatus: [
        {
          Status: phase,
          StartTime: new Date(status.since),
          ...(progress?.message && { StatusMessage: progress.message }),
        },
      ],
    }),
  };
}

function variantPhase(state: EndpointStatus["state"]): VariantStatus | undefined {
  switch (state) {
    case "Creating":
      return "Creating";
    case "Updating":
    case "RollingBack":
      return "Updating";
    case "Deleting":
      return "Deleting";
    default:
      return undefined;
  }
}
