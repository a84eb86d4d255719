/** DescribeScalingActivities, and how activities are written. */
import type * as sdk from "@aws-sdk/client-application-auto-scaling";
import { arn } from "../../base/arn.ts";
import type { Resource } from "../../state/resource.ts";
import { BadToken } from "../../state/store.ts";
import type { Context } from "../../wire/context.ts";
import { Fault } from "../../wire/http.ts";
import type { Handlers } from "../../wire/service.ts";
import { invalid } from "./errors.ts";
import { ScalingActivityKind, type ScalingActivitySpec } from "./kinds.ts";
import type { AutoscalingPorts } from "./ports.ts";
import { type ScalableId, targetName } from "./scalable.ts";

/** As AWS keeps them: six weeks. */
export const KEPT_MS = 42 * 86_400_000;
const MOST = 50;

/** Writes down what begins, or what came to nothing. Returns its name in the store. */
export async function beginActivity(
  { account, store, random }: AutoscalingPorts,
  spec: ScalingActivitySpec,
): Promise<string> {
  const id = random.uuid();
  const name = activityName(spec, id);
  await store.create(ScalingActivityKind, {
    name,
    arn: arn(account, "application-autoscaling", `activity/${id}`),
    spec,
    status: spec.notScaled
      ? { state: "Unfulfilled", message: spec.description }
      : { state: "InProgress", message: spec.description },
  });
  return name;
}

export async function endActivity(
  { store, clock }: AutoscalingPorts,
  name: string,
  state: "Successful" | "Overridden" | "Unfulfilled" | "Failed",
  message: string,
): Promise<void> {
  const activity = await store.get(ScalingActivityKind, name);
  if (!activity || activity.status.endedAt !== undefined) return;
  await store.update(ScalingActivityKind, activity, { status: { state, message, endedAt: clock.now() } });
}

/** Forgets those of a target that are older than AWS would keep them. */
export async function forgetActivities({ store, clock }: AutoscalingPorts, id: ScalableId): Promise<void> {
  const { items } = await store.list(ScalingActivityKind, {
    nameContains: activityName(id, ""),
    createdBefore: clock.now() - KEPT_MS,
    sortBy: "CreationTime",
    descending: false,
    limit: 100,
  });
  for (const activity of items) await store.remove(ScalingActivityKind, activity);
}

const activityName = (id: ScalableId, activity: string) => `${targetName(id)} ${activity}`;

export function activityOperations({
  store,
}: AutoscalingPorts): Pick<Handlers<typeof sdk, Context>, "DescribeScalingActivities"> {
  return {
    async DescribeScalingActivities(request) {
      const { ServiceNamespace, ResourceId, ScalableDimension, MaxResults = MOST, NextToken } = request;
      if (ScalableDimension !== undefined && ResourceId === undefined)
        throw invalid("If you specify a scalable dimension, you must also specify a resource ID.");
      if (MaxResults < 1) throw invalid(`MaxResults must be at least 1, not ${MaxResults}.`);
      if (ServiceNamespace !== "sagemaker") return { ScalingActivities: [] };
      try {
        const { items, next } = await store.list(ScalingActivityKind, {
          nameContains:
            ResourceId === undefined
              ? undefined
              : `${ScalableDimension === undefined ? "" : ScalableDimension} ${ResourceId} `,
          // only activities that changed something, unless the others are asked for
          ...(request.IncludeNotScaledActivities ? {} : { states: CHANGES }),
          sortBy: "CreationTime",
          descending: true,
          limit: Math.min(MaxResults, MOST),
          token: NextToken,
        });
        return { ScalingActivities: items.map(described), NextToken: next };
      } catch (error) {
        if (!(error instanceof BadToken)) throw error;
        throw new Fault("InvalidNextTokenException", "The next token supplied was invalid");
      }
    },
  };
}

const CHANGES = ["Pending", "InProgress", "Successful", "Overridden", "Failed"];

function described(
  activity: Resource<ScalingActivitySpec, NonNullable<(typeof ScalingActivityKind)["types"]>["status"]>,
): sdk.ScalingActivity {
  const { name, createdAt, spec, status } = activity;
  return {
    ActivityId: name.slice(name.lastIndexOf(" ") + 1),
    ServiceNamespace: "sagemaker",
    ResourceId: spec.resourceId,
    ScalableDimension: spec.dimension,
    Description: spec.description,
    Cause: spec.cause,
    StartTime: new Date(createdAt),
    EndTime: status.endedAt === undefined ? undefined : new Date(status.endedAt),
    StatusCode: status.state,
    StatusMessage: status.message,
    NotScaledReasons: spec.notScaled ? [spec.notScaled] : undefined,
  };
}
