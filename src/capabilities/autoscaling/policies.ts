/** PutScalingPolicy, DescribeScalingPolicies, DeleteScalingPolicy. */
import type * as sdk from "@aws-sdk/client-application-auto-scaling";
import { arn } from "../../base/arn.ts";
import type { Context } from "../../wire/context.ts";
import type { Handlers } from "../../wire/service.ts";
import { invalid, notFound } from "./errors.ts";
import { ScalingPolicyKind, type ScalingPolicySpec } from "./kinds.ts";
import { alarmNames, alarmsOf, followedMetric } from "./metric-specification.ts";
import { ownedArn, ownedName, putOwned } from "./owned.ts";
import { pageOf } from "./pages.ts";
import type { AutoscalingPorts } from "./ports.ts";
import { type ScalableId, scalableId } from "./scalable.ts";
import { targetOf } from "./targets.ts";

type Operations = Pick<
  Handlers<typeof sdk, Context>,
  "PutScalingPolicy" | "DescribeScalingPolicies" | "DeleteScalingPolicy"
>;

/** The part of a policy that says what it does. */
type Rule = Pick<ScalingPolicySpec, "type" | "step" | "tracking">;

export function policyOperations(ports: AutoscalingPorts): Operations {
  const { account, store, random, alarms } = ports;
  const alarmArn = (name: string) => arn(account, "cloudwatch", `alarm:${name}`);
  const withArns = (names: readonly string[]) =>
    names.map((AlarmName) => ({ AlarmName, AlarmARN: alarmArn(AlarmName) }));

  return {
    async PutScalingPolicy(request) {
      const id = scalableId(request);
      const target = await targetOf(ports, id);
      const name = ownedName(id, request.PolicyName);
      const known = await store.get(ScalingPolicyKind, name);
      const rule = ruleOf(id, request, known?.spec);
      const policyArn =
        known?.arn ?? ownedArn(account, "scalingPolicy", "policyName", random.uuid(), id, request.PolicyName);
      const names = rule.tracking ? alarmNames(id, rule.tracking, random) : [];
      const spec = { ...id, policyName: request.PolicyName, ...rule, alarms: names };
      // the policy first: an alarm that nobody owns would never go
      await putOwned(
        store,
        ScalingPolicyKind,
        known,
        { name, arn: policyArn, spec, status: { state: "Active" }, owner: target.uid },
        `scaling policy ${request.PolicyName}`,
      );
      await keepAlarms(ports, policyArn, spec);
      return { PolicyARN: policyArn, Alarms: withArns(names) };
    },

    async DescribeScalingPolicies({ PolicyNames, ...filter }) {
      const { items, NextToken } = await pageOf(
        store,
        ScalingPolicyKind,
        filter,
        ({ policyName }) => !PolicyNames?.length || PolicyNames.includes(policyName),
      );
      const ScalingPolicies = await Promise.all(
        items.map(async ({ arn: PolicyARN, createdAt, spec }) => ({
          PolicyARN,
          PolicyName: spec.policyName,
          ServiceNamespace: "sagemaker" as const,
          ResourceId: spec.resourceId,
          ScalableDimension: spec.dimension,
          PolicyType: spec.type,
          StepScalingPolicyConfiguration: spec.step,
          TargetTrackingScalingPolicyConfiguration: spec.tracking,
          // the alarms of a step policy are whatever alarms its owner points at it
          Alarms: withArns(spec.step ? await alarms.naming(PolicyARN) : spec.alarms),
          CreationTime: new Date(createdAt),
        })),
      );
      return { ScalingPolicies, NextToken };
    },

    async DeleteScalingPolicy(request) {
      const id = scalableId(request);
      const policy = await store.get(ScalingPolicyKind, ownedName(id, request.PolicyName));
      if (!policy) throw notFound("scaling policy", id, request.PolicyName);
      await alarms.delete(policy.spec.alarms);
      await store.remove(ScalingPolicyKind, policy);
      return {};
    },
  };
}

/** Brings a policy's alarms to what they should be: after a kill between two steps, too. */
export async function keepAlarms(
  { alarms }: AutoscalingPorts,
  policyArn: string,
  { tracking, alarms: names, ...id }: ScalingPolicySpec,
): Promise<void> {
  if (!tracking) return;
  const there = await alarms.naming(policyArn);
  for (const alarm of alarmsOf(id, tracking, policyArn, names))
    if (!there.includes(alarm.AlarmName!)) await alarms.put(alarm);
  const old = there.filter(
    (name) => name.startsWith(`TargetTracking-${id.resourceId}-`) && !names.includes(name),
  );
  if (old.length > 0) await alarms.delete(old);
}

function ruleOf(id: ScalableId, request: sdk.PutScalingPolicyRequest, known: Rule | undefined): Rule {
  const {
    StepScalingPolicyConfiguration: step,
    TargetTrackingScalingPolicyConfiguration: tracking,
    PolicyType: type = known?.type ?? "StepScaling",
  } = request;
  if (type === "PredictiveScaling")
    throw invalid("Predictive scaling is not supported for the service namespace sagemaker.");
  if (known && known.type !== type)
    throw invalid("The policy type can not be changed: delete the policy and create it again.");
  if (type === "TargetTrackingScaling") {
    if (!tracking || step)
      throw invalid(
        "A policy of the type TargetTrackingScaling needs a TargetTrackingScalingPolicyConfiguration, and no other.",
      );
    if (!(tracking.TargetValue! > 0))
      throw invalid(`TargetValue must be greater than 0, not ${tracking.TargetValue}.`);
    checkCooldown("ScaleOutCooldown", tracking.ScaleOutCooldown);
    checkCooldown("ScaleInCooldown", tracking.ScaleInCooldown);
    followedMetric(id, tracking);
    return { type, tracking };
  }
  if (!step || tracking)
    throw invalid("A policy of the type StepScaling needs a StepScalingPolicyConfiguration, and no other.");
  checkSteps(step);
  return { type: "StepScaling", step };
}

function checkCooldown(member: string, seconds: number | undefined): void {
  if (seconds !== undefined && seconds < 0)
    throw invalid(`${member} must be at least 0 seconds, not ${seconds}.`);
}

/** As AWS documents StepAdjustment: no gap, no overlap, one open end at the most on each side. */
function checkSteps({
  AdjustmentType,
  StepAdjustments: steps = [],
  MinAdjustmentMagnitude,
  Cooldown,
}: sdk.StepScalingPolicyConfiguration): void {
  if (!AdjustmentType) throw invalid("AdjustmentType is required.");
  if (steps.length === 0 || steps.length > 20)
    throw invalid(`StepAdjustments takes 1 to 20 steps, not ${steps.length}.`);
  if (MinAdjustmentMagnitude !== undefined && AdjustmentType !== "PercentChangeInCapacity")
    throw invalid("MinAdjustmentMagnitude is for the adjustment type PercentChangeInCapacity only.");
  checkCooldown("Cooldown", Cooldown);
  const bounds = steps
    .map(
      ({
        MetricIntervalLowerBound: lower = -Infinity,
        MetricIntervalUpperBound: upper = Infinity,
        ScalingAdjustment,
      }) => {
        if (lower === -Infinity && upper === Infinity && steps.length > 1)
          throw invalid("At most one step may have neither bound, and then there is no other.");
        if (lower >= upper) throw invalid("The lower bound of a step must be less than its upper bound.");
        if (AdjustmentType === "ExactCapacity" && ScalingAdjustment! < 0)
          throw invalid("ScalingAdjustment must be at least 0 for the adjustment type ExactCapacity.");
        return { lower, upper };
      },
    )
    .toSorted((a, b) => a.lower - b.lower);
  for (const [index, { lower }] of bounds.entries()) {
    const before = bounds[index - 1];
    if (before && before.upper !== lower)
      throw invalid("The steps must follow one another without a gap and without an overlap.");
  }
}
