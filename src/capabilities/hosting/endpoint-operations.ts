/** CreateEndpoint, DescribeEndpoint, ListEndpoints, UpdateEndpoint, UpdateEndpointWeightsAndCapacities, DeleteEndpoint. */
import type * as sagemaker from "@aws-sdk/client-sagemaker";
import { type Account, arn } from "../../base/arn.ts";
import type { Clock } from "../../base/clock.ts";
import type { Resource } from "../../state/resource.ts";
import { type Change, Conflict, type ResourceStore } from "../../state/store.ts";
import type { Context } from "../../wire/context.ts";
import type { Handlers } from "../../wire/service.ts";
import { createResource } from "./create-resource.ts";
import { variantPlans } from "./deployment-plan.ts";
import { describeEndpoint } from "./describe-endpoint.ts";
import { findEndpointConfig } from "./endpoint-config-operations.ts";
import { invalid, unsupported } from "../../sagemaker/errors.ts";
import { alreadyExists, inProgress, notFound } from "./errors.ts";
import {
  type Deployment,
  EndpointConfigKind,
  EndpointKind,
  type EndpointStatus,
  type VariantPlan,
} from "./kinds.ts";
import { held, holdUntil } from "../../sagemaker/describe-hold.ts";
import { listPage } from "../../sagemaker/listing.ts";
import { updateServerless } from "./serverless-plan.ts";
import { findModel } from "./model-operations.ts";
import { tagsOf } from "../../sagemaker/tags.ts";

export interface EndpointOperationsPorts {
  readonly account: Account;
  readonly store: ResourceStore;
  readonly clock: Clock;
  /** How long DescribeEndpoint may hold its answer while an endpoint is in transition: SDK waiters sleep 30 s between looks. */
  readonly describeHoldMs: number;
}

type Endpoint = Resource<Deployment, EndpointStatus>;
type EndpointOperations = Pick<
  Handlers<typeof sagemaker, Context>,
  | "CreateEndpoint"
  | "DescribeEndpoint"
  | "ListEndpoints"
  | "UpdateEndpoint"
  | "UpdateEndpointWeightsAndCapacities"
  | "DeleteEndpoint"
>;

const IN_TRANSITION: ReadonlySet<string> = new Set(["Creating", "Updating", "RollingBack", "Deleting"]);

export function endpointOperations({
  account,
  store,
  clock,
  describeHoldMs,
}: EndpointOperationsPorts): EndpointOperations {
  const endpointArn = (name: string) => arn(account, "sagemaker", `endpoint/${name.toLowerCase()}`);

  const find = async (name: string): Promise<Endpoint> => {
    const endpoint = await store.get(EndpointKind, name);
    if (!endpoint) throw notFound("endpoint", endpointArn(name));
    return endpoint;
  };

  const plan = async (configName: string): Promise<Pick<Deployment, "variants" | "asyncInference">> => {
    const config = await findEndpointConfig(account, store, configName);
    const models = new Map<string, Awaited<ReturnType<typeof findModel>>>();
    for (const { ModelName } of config.spec.ProductionVariants ?? [])
      models.set(ModelName!, await findModel(account, store, ModelName!));
    const { AsyncInferenceConfig: asyncInference } = config.spec;
    return {
      variants: variantPlans(config.spec, (name) => models.get(name)!.spec),
      ...(asyncInference && { asyncInference }),
    };
  };

  /**
   * Only an endpoint at rest may be changed; of two changes at once, one wins. What the controller notes of an endpoint
   * at rest, an instance that died say, is no change that a caller need hear of.
   */
  const change = async (
    endpoint: Endpoint,
    to: (latest: Endpoint) => Change<Deployment, EndpointStatus>,
  ): Promise<void> => {
    try {
      await store.update(EndpointKind, endpoint, to(endpoint));
    } catch (error) {
      if (!(error instanceof Conflict)) throw error;
      const latest = await find(endpoint.name);
      const { uid, generation, status } = endpoint;
      if (latest.uid !== uid || latest.generation !== generation || latest.status.state !== status.state)
        throw inProgress(endpoint.arn);
      await change(latest, to);
    }
  };
  const updating = (endpoint: Endpoint, spec: Deployment, reason: string) =>
    change(endpoint, (latest) => {
      const { failureReason: _, ...status } = latest.status;
      return { spec, status: { ...status, state: "Updating", since: clock.now(), progress: {} }, reason };
    });
  const updatable = async (name: string): Promise<Endpoint> => {
    const endpoint = await find(name);
    if (endpoint.status.state === "Failed")
      throw invalid(`Cannot update failed endpoint "${endpoint.arn}". Delete it and create it again.`);
    if (endpoint.status.state !== "InService") throw inProgress(endpoint.arn);
    return endpoint;
  };

  return {
    async CreateEndpoint({ EndpointName, EndpointConfigName, Tags, DeploymentConfig }) {
      refuseGuardrails(DeploymentConfig);
      const existing = await store.get(EndpointKind, EndpointName);
      if (existing) throw alreadyExists("endpoint", existing.arn);
      const spec: Deployment = {
        revision: 1,
        configName: EndpointConfigName,
        ...(await plan(EndpointConfigName)),
      };
      const status: EndpointStatus = {
        state: "Creating",
        since: clock.now(),
        progress: {},
        digests: {},
        draining: {},
      };
      const draft = {
        name: EndpointName,
        arn: endpointArn(EndpointName),
        spec,
        status,
        tags: tagsOf(Tags),
      };
      return { EndpointArn: await createResource(store, EndpointKind, "endpoint", draft) };
    },

    async DescribeEndpoint({ EndpointName }, { request, signal }) {
      const hold = {
        until: holdUntil(request.headers),
        forMs: describeHoldMs,
        signal,
        moving: IN_TRANSITION,
      };
      const endpoint = await held(store, clock, EndpointKind, await find(EndpointName), hold);
      if (!endpoint) throw notFound("endpoint", endpointArn(EndpointName));
      return describeEndpoint(
        endpoint,
        (await store.get(EndpointConfigKind, endpoint.spec.configName))?.spec,
      );
    },

    async ListEndpoints(input) {
      const { items, NextToken } = await listPage(store, EndpointKind, input);
      return {
        Endpoints: items.map((endpoint) => ({
          EndpointName: endpoint.name,
          EndpointArn: endpoint.arn,
          EndpointStatus: endpoint.status.state,
          CreationTime: new Date(endpoint.createdAt),
          LastModifiedTime: new Date(endpoint.updatedAt),
        })),
        NextToken,
      };
    },

    async UpdateEndpoint(input) {
      refuseGuardrails(input.DeploymentConfig);
      const endpoint = await updatable(input.EndpointName);
      const planned = await plan(input.EndpointConfigName);
      const excluded = new Set(
        input.ExcludeRetainedVariantProperties?.map((property) => property.VariantPropertyType),
      );
      if (planned.variants[0]?.serverless && !endpoint.spec.variants[0]?.serverless)
        throw invalid(
          `Cannot update the instance-based endpoint "${endpoint.arn}" to a serverless configuration. Create a new endpoint for it.`,
        );
      const retained = input.RetainAllVariantProperties
        ? retain(planned.variants, endpoint.spec.variants, excluded)
        : planned.variants;
      const spec: Deployment = {
        revision: endpoint.generation + 1,
        ...planned,
        configName: input.EndpointConfigName,
        variants: retained,
      };
      await updating(endpoint, spec, `UpdateEndpoint to the configuration ${input.EndpointConfigName}.`);
      return { EndpointArn: endpoint.arn };
    },

    async UpdateEndpointWeightsAndCapacities({ EndpointName, DesiredWeightsAndCapacities }) {
      const endpoint = await updatable(EndpointName);
      const variants = endpoint.spec.variants.map((variant) => ({ ...variant }));
      for (const {
        VariantName,
        DesiredWeight,
        DesiredInstanceCount,
        ServerlessUpdateConfig,
      } of DesiredWeightsAndCapacities) {
        const variant = variants.find(({ name }) => name === VariantName);
        if (!variant)
          throw invalid(
            `The variant name(s) "${VariantName}" is/are not present within endpoint "${endpoint.arn}".`,
          );
        if (ServerlessUpdateConfig) Object.assign(variant, updateServerless(variant, ServerlessUpdateConfig));
        if (DesiredInstanceCount !== undefined && variant.serverless)
          throw invalid(
            `DesiredInstanceCount: variant ${VariantName} is serverless. Use ServerlessUpdateConfig.`,
          );
        if (DesiredInstanceCount === 0 && !endpoint.spec.asyncInference)
          throw invalid(`DesiredInstanceCount of variant ${VariantName} must be 1 or more.`);
        variant.weight = DesiredWeight ?? variant.weight;
        variant.instanceCount = DesiredInstanceCount ?? variant.instanceCount;
      }
      await updating(endpoint, { ...endpoint.spec, variants }, "UpdateEndpointWeightsAndCapacities.");
      return { EndpointArn: endpoint.arn };
    },

    async DeleteEndpoint({ EndpointName }) {
      const endpoint = await find(EndpointName);
      const { state } = endpoint.status;
      if (state !== "InService" && state !== "Failed") throw inProgress(endpoint.arn);
      await change(endpoint, ({ status }) => ({
        deleting: true,
        status: { ...status, state: "Deleting", since: clock.now() },
        reason: "DeleteEndpoint.",
      }));
      return {};
    },
  };
}

/** Weights and counts that the endpoint has now, for variants that keep their name. */
function retain(
  variants: readonly VariantPlan[],
  now: readonly VariantPlan[],
  excluded: ReadonlySet<string | undefined>,
): readonly VariantPlan[] {
  return variants.map((variant) => {
    const old = now.find(({ name }) => name === variant.name);
    if (!old) return variant;
    const weight = excluded.has("DesiredWeight") ? variant.weight : old.weight;
    if (variant.serverless ?? old.serverless) return { ...variant, weight };
    return {
      ...variant,
      weight,
      instanceCount: excluded.has("DesiredInstanceCount") ? variant.instanceCount : old.instanceCount,
    };
  });
}

/** Blue/green, all at once, without a wait or an alarm is what every update does; anything more is not built yet. */
function refuseGuardrails(config: sagemaker.DeploymentConfig | undefined): void {
  if (!config) return;
  const { BlueGreenUpdatePolicy: policy, RollingUpdatePolicy, AutoRollbackConfiguration } = config;
  if (RollingUpdatePolicy) throw unsupported("RollingUpdatePolicy", "a rolling update");
  if (AutoRollbackConfiguration?.Alarms?.length)
    throw unsupported("AutoRollbackConfiguration", "a rollback by alarms");
  const routing = policy?.TrafficRoutingConfiguration;
  if (routing && routing.Type !== "ALL_AT_ONCE")
    throw unsupported("TrafficRoutingConfiguration", `${routing.Type} traffic routing`);
  if (routing?.WaitIntervalInSeconds || policy?.TerminationWaitInSeconds)
    throw unsupported("BlueGreenUpdatePolicy", "a baking period");
}
