/** What hosting keeps in the store: models, endpoint configurations and endpoints. */
import type {
  AsyncInferenceConfig,
  CreateEndpointConfigInput,
  CreateModelInput,
  RoutingStrategy,
} from "@aws-sdk/client-sagemaker";
import type { ContainerSpec } from "../../compute/engine.ts";
import { defineKind } from "../../state/resource.ts";

/** A model and a configuration only exist; they have no life of their own. */
type Existing = { readonly state: "Exists" };
const exists = { Exists: [] };

/** The request as it came, without its tags. */
export type ModelSpec = Omit<CreateModelInput, "Tags">;
export const ModelKind = defineKind<ModelSpec, Existing>({ name: "Model", arrows: exists });

export type EndpointConfigSpec = Omit<CreateEndpointConfigInput, "Tags">;
export const EndpointConfigKind = defineKind<EndpointConfigSpec, Existing>({
  name: "EndpointConfig",
  arrows: exists,
});

/**
 * A variant with all that it takes to run it: the endpoint keeps this snapshot, so that it goes on serving, scaling
 * and restarting when its model and configuration are deleted, as AWS's endpoints do.
 */
export interface VariantPlan {
  readonly name: string;
  readonly modelName: string;
  readonly container: ContainerSpec;
  readonly instanceType: string;
  /** How many serve; of a serverless variant, how many must have come up before it serves for the first time. */
  readonly instanceCount: number;
  /** Present when its instances are workers that come and go with requests. */
  readonly serverless?: ServerlessPlan;
  readonly weight: number;
  readonly routing: Extract<RoutingStrategy, "LEAST_OUTSTANDING_REQUESTS" | "RANDOM">;
  readonly downloadTimeoutMs: number;
  readonly startupTimeoutMs: number;
}

/** The ServerlessConfig of a variant. */
export interface ServerlessPlan {
  readonly memoryMiB: number;
  readonly maxConcurrency: number;
  /** Workers that are always there; 0 for none. */
  readonly provisionedConcurrency: number;
}

/** One configuration brought to life. */
export interface Deployment {
  /** Grows with each UpdateEndpoint and is never used twice; a change of weights or counts keeps it, and so the running instances. */
  readonly revision: number;
  readonly configName: string;
  readonly variants: readonly VariantPlan[];
  /** Present when it takes asynchronous requests, and no others. */
  readonly asyncInference?: AsyncInferenceConfig;
}

export type EndpointState = "Creating" | "Updating" | "RollingBack" | "InService" | "Failed" | "Deleting";

export interface EndpointStatus {
  readonly state: EndpointState;
  /** The last state change asked for by the user began here: what the deadline of a deployment counts from. */
  readonly since: number;
  readonly failureReason?: string;
  /** What traffic goes to: the deployment last published, with what is known of its images and artifacts. */
  readonly live?: Deployment;
  /** By variant of the deployment in progress, or of the live one. */
  readonly progress: Readonly<Record<string, VariantProgress>>;
  /** sha256 of each container's artifact by fleet, so that a later instance loads the same bytes or none. */
  readonly digests: Readonly<Record<string, string>>;
  /** Fleets that get no more traffic, and since when. */
  readonly draining: Readonly<Record<string, number>>;
}

export interface VariantProgress {
  readonly ready: number;
  readonly message?: string;
  readonly resolvedImage?: string;
}

/** The endpoint as the user last asked for it. */
export const EndpointKind = defineKind<Deployment, EndpointStatus>({
  name: "Endpoint",
  ignoresCase: true,
  arrows: {
    Creating: ["InService", "Failed", "Deleting"],
    InService: ["Updating", "Deleting"],
    Updating: ["InService", "RollingBack"],
    RollingBack: ["InService"],
    Failed: ["Deleting"],
    Deleting: [],
  },
});
