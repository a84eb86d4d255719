/** RegisterScalableTarget, DescribeScalableTargets, DeregisterScalableTarget and the tags of targets. */
import type * as sdk from "@aws-sdk/client-application-auto-scaling";
import { type Account, arn } from "../../base/arn.ts";
import type { Resource } from "../../state/resource.ts";
import { AlreadyExists, Conflict, TooManyTags } from "../../state/store.ts";
import type { Context } from "../../wire/context.ts";
import { Fault } from "../../wire/http.ts";
import type { Handlers } from "../../wire/service.ts";
import { EndpointKind } from "../hosting/kinds.ts";
import { invalid, notRegistered } from "./errors.ts";
import {
  ScalableTargetKind,
  type ScalableTargetSpec,
  type ScalableTargetStatus,
  ScalingPolicyKind,
  ScheduledActionKind,
} from "./kinds.ts";
import { ownedBy } from "./owned.ts";
import { pageOf } from "./pages.ts";
import type { AutoscalingPorts } from "./ports.ts";
import { capacityOf, endpointAndVariant, type ScalableId, scalableId, targetName } from "./scalable.ts";

export type Target = Resource<ScalableTargetSpec, ScalableTargetStatus>;

type Operations = Pick<
  Handlers<typeof sdk, Context>,
  | "RegisterScalableTarget"
  | "DescribeScalableTargets"
  | "DeregisterScalableTarget"
  | "TagResource"
  | "UntagResource"
  | "ListTagsForResource"
>;

const MOST_TAGS = 50;
const NOT_SUSPENDED = {
  DynamicScalingInSuspended: false,
  DynamicScalingOutSuspended: false,
  ScheduledScalingSuspended: false,
};

/** The target, or AWS's sentence that there is none. */
export async function targetOf({ store }: AutoscalingPorts, id: ScalableId): Promise<Target> {
  const target = await store.get(ScalableTargetKind, targetName(id));
  if (!target) throw notRegistered(id);
  return target;
}

export function targetOperations(ports: AutoscalingPorts): Operations {
  const { account, store, random, alarms } = ports;
  /** What is to be there: what the request says, else what was there. */
  const merged = (
    id: ScalableId,
    request: Omit<sdk.RegisterScalableTargetRequest, "ServiceNamespace" | "ResourceId" | "ScalableDimension">,
    known: ScalableTargetSpec | undefined,
  ): ScalableTargetSpec => {
    const min = request.MinCapacity ?? known?.min;
    const max = request.MaxCapacity ?? known?.max;
    if (min === undefined || max === undefined)
      throw invalid("MinCapacity and MaxCapacity are required when a scalable target is registered.");
    if (min < 0) throw invalid(`Minimum capacity must be at least 0, not ${min}.`);
    if (max < min) throw invalid("Maximum capacity cannot be less than minimum capacity");
    const suspended = { ...(known?.suspended ?? NOT_SUSPENDED), ...request.SuspendedState };
    return {
      ...id,
      min,
      max,
      suspended,
      roleArn: request.RoleARN ?? known?.roleArn ?? serviceLinkedRole(account),
    };
  };

  /** What can be scaled to zero, only AWS's asynchronous endpoints and provisioned concurrency can. */
  const checkScalable = async (id: ScalableId, { min }: ScalableTargetSpec): Promise<void> => {
    const { endpoint: name } = endpointAndVariant(id);
    const endpoint = await store.get(EndpointKind, name);
    if (capacityOf(id, endpoint) === undefined)
      throw invalid(
        `There is no variant that can be scaled by ${id.dimension} with the resource ID ${id.resourceId}.`,
      );
    const toZero = id.dimension.endsWith("Concurrency") || endpoint!.spec.asyncInference !== undefined;
    if (min === 0 && !toZero)
      throw invalid(
        "Minimum capacity must be at least 1 for a variant of a real-time endpoint; only asynchronous endpoints scale to 0.",
      );
  };

  return {
    async RegisterScalableTarget({ ServiceNamespace, ResourceId, ScalableDimension, Tags, ...request }) {
      const id = scalableId({ ServiceNamespace, ResourceId, ScalableDimension });
      for (;;) {
        const known = await store.get(ScalableTargetKind, targetName(id));
        const spec = merged(id, request, known?.spec);
        await checkScalable(id, spec);
        if (known && Tags && Object.keys(Tags).length > 0)
          throw invalid("Tags can be given only when a scalable target is registered; use TagResource.");
        if (Tags && Object.keys(Tags).length > MOST_TAGS) throw tooManyTags();
        try {
          if (!known) {
            const resource = `scalable-target/${random.uuid().replaceAll("-", "")}`;
            const target = await store.create(ScalableTargetKind, {
              name: targetName(id),
              arn: arn(account, "application-autoscaling", resource),
              spec,
              status: { state: "Active" },
              ...(Tags && { tags: Tags }),
            });
            return { ScalableTargetARN: target.arn };
          }
          await store.update(ScalableTargetKind, known, { spec });
          return { ScalableTargetARN: known.arn };
        } catch (error) {
          // the controller noted something meanwhile, or somebody registered it
          if (!(error instanceof Conflict) && !(error instanceof AlreadyExists)) throw error;
        }
      }
    },

    async DescribeScalableTargets({ ResourceIds, ...filter }) {
      if (filter.ScalableDimension !== undefined && !ResourceIds?.length)
        throw invalid("If you specify a scalable dimension, you must also specify a resource ID.");
      const { ScalableDimension: dimension, ...rest } = filter;
      const { items, NextToken } = await pageOf(
        store,
        ScalableTargetKind,
        rest,
        (spec) =>
          (!ResourceIds?.length || ResourceIds.includes(spec.resourceId)) &&
          (dimension === undefined || spec.dimension === dimension),
      );
      return { ScalableTargets: items.map(described), NextToken };
    },

    /** Its policies, with their alarms, and its scheduled actions go with it; what it scaled stays as it is. */
    async DeregisterScalableTarget(request) {
      const id = scalableId(request);
      const target = await targetOf(ports, id);
      const policies = await ownedBy(store, ScalingPolicyKind, target.uid);
      await alarms.delete(policies.flatMap(({ spec }) => spec.alarms));
      for (const policy of policies) await store.remove(ScalingPolicyKind, policy);
      for (const action of await ownedBy(store, ScheduledActionKind, target.uid))
        await store.remove(ScheduledActionKind, action);
      for (;;)
        try {
          await store.remove(ScalableTargetKind, await targetOf(ports, id));
          return {};
        } catch (error) {
          if (!(error instanceof Conflict)) throw error;
        }
    },

    async TagResource({ ResourceARN, Tags }) {
      try {
        if (!(await store.putTags(ResourceARN, Tags, MOST_TAGS))) throw unknownResource(ResourceARN);
      } catch (error) {
        throw error instanceof TooManyTags ? tooManyTags(ResourceARN) : error;
      }
      return {};
    },

    async UntagResource({ ResourceARN, TagKeys }) {
      if (!(await store.removeTags(ResourceARN, TagKeys))) throw unknownResource(ResourceARN);
      return {};
    },

    async ListTagsForResource({ ResourceARN }) {
      const tags = await store.tags(ResourceARN);
      if (!tags) throw unknownResource(ResourceARN);
      return { Tags: Object.fromEntries(tags) };
    },
  };
}

/** The role that AWS makes for itself where none is given. */
const serviceLinkedRole = ({ accountId }: Account) =>
  `arn:aws:iam::${accountId}:role/aws-service-role/sagemaker.application-autoscaling.amazonaws.com/` +
  "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint";

const described = ({ arn: ScalableTargetARN, createdAt, spec }: Target): sdk.ScalableTarget => ({
  ServiceNamespace: "sagemaker",
  ResourceId: spec.resourceId,
  ScalableDimension: spec.dimension,
  MinCapacity: spec.min,
  MaxCapacity: spec.max,
  RoleARN: spec.roleArn,
  CreationTime: new Date(createdAt),
  SuspendedState: spec.suspended,
  ScalableTargetARN,
});

const unknownResource = (ResourceName: string) =>
  new Fault("ResourceNotFoundException", `The specified resource doesn't exist: ${ResourceName}`, 400, {
    ResourceName,
  });
const tooManyTags = (ResourceName = "") =>
  new Fault("TooManyTagsException", `A scalable target can have ${MOST_TAGS} tags at the most.`, 400, {
    ResourceName,
  });
