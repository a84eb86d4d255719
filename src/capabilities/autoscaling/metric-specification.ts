/** Which metric a target tracking policy follows, and the two alarms that AWS makes of it. */
import type {
  CustomizedMetricSpecification,
  TargetTrackingScalingPolicyConfiguration,
} from "@aws-sdk/client-application-auto-scaling";
import type { PutMetricAlarmInput } from "@aws-sdk/client-cloudwatch";
import type { Random } from "../../base/random.ts";
import { invalid } from "./errors.ts";
import { endpointAndVariant, INSTANCE_COUNT, PROVISIONED_CONCURRENCY, type ScalableId } from "./scalable.ts";
import { IN_PERIODS, IN_SHARE, OUT_PERIODS } from "./target-tracking.ts";

type Followed = Pick<
  PutMetricAlarmInput,
  "Namespace" | "MetricName" | "Dimensions" | "Statistic" | "Unit" | "Metrics"
> & {
  /** Seconds between two values that decide on more capacity. */
  readonly period: number;
};

/** The metrics that SageMaker has for this, by the name that a policy uses. */
const PREDEFINED: Record<
  string,
  {
    dimension: ScalableId["dimension"];
    metric: string;
    statistic: "Sum" | "Average" | "Maximum";
    period: number;
  }
> = {
  SageMakerVariantInvocationsPerInstance: {
    dimension: INSTANCE_COUNT,
    metric: "InvocationsPerInstance",
    statistic: "Sum",
    period: 60,
  },
  SageMakerVariantConcurrentRequestsPerModelHighResolution: {
    dimension: INSTANCE_COUNT,
    metric: "ConcurrentRequestsPerModel",
    statistic: "Maximum",
    period: 10,
  },
  SageMakerVariantProvisionedConcurrencyUtilization: {
    dimension: PROVISIONED_CONCURRENCY,
    metric: "ServerlessProvisionedConcurrencyUtilization",
    statistic: "Maximum",
    period: 60,
  },
};

/** Refuses what names no metric, or one that says nothing of this dimension. */
export function followedMetric(id: ScalableId, policy: TargetTrackingScalingPolicyConfiguration): Followed {
  const { PredefinedMetricSpecification: predefined, CustomizedMetricSpecification: customized } = policy;
  if ((predefined === undefined) === (customized === undefined))
    throw invalid(
      "Specify one of PredefinedMetricSpecification and CustomizedMetricSpecification, and only one.",
    );
  if (customized) return customMetric(customized);
  const known = PREDEFINED[predefined!.PredefinedMetricType!];
  if (!known || known.dimension !== id.dimension)
    throw invalid(
      `PredefinedMetricType ${predefined!.PredefinedMetricType} is not one for the scalable dimension ${id.dimension}.`,
    );
  const { endpoint, variant } = endpointAndVariant(id);
  return {
    Namespace: "AWS/SageMaker",
    MetricName: known.metric,
    Dimensions: [
      { Name: "EndpointName", Value: endpoint },
      { Name: "VariantName", Value: variant },
    ],
    Statistic: known.statistic,
    period: known.period,
  };
}

function customMetric(metric: CustomizedMetricSpecification): Followed {
  const { Metrics: queries, MetricName, Namespace, Dimensions, Statistic, Unit } = metric;
  if (queries?.length) {
    if (MetricName ?? Namespace ?? Dimensions ?? Statistic ?? Unit)
      throw invalid(
        "A CustomizedMetricSpecification has Metrics, or the members of one metric, but not both.",
      );
    return {
      Metrics: queries.map(({ Id, Expression, Label, MetricStat, ReturnData = true }) => ({
        Id,
        Expression,
        Label,
        ReturnData,
        ...(MetricStat && { MetricStat: { ...MetricStat, Period: 60 } as never }),
        ...(Expression !== undefined && { Period: 60 }),
      })),
      period: 60,
    };
  }
  if (!MetricName || !Namespace || !Statistic)
    throw invalid("A CustomizedMetricSpecification needs a MetricName, a Namespace and a Statistic.");
  return { MetricName, Namespace, Statistic, Unit: Unit as never, Dimensions: Dimensions ?? [], period: 60 };
}

/** Names for a policy's alarms, as AWS makes them: of too little capacity and, unless that is never taken away, of too much. */
export function alarmNames(
  { resourceId }: ScalableId,
  { DisableScaleIn: outOnly }: TargetTrackingScalingPolicyConfiguration,
  random: Random,
): string[] {
  const high = `TargetTracking-${resourceId}-AlarmHigh-${random.uuid()}`;
  return outOnly ? [high] : [high, `TargetTracking-${resourceId}-AlarmLow-${random.uuid()}`];
}

/** The alarms of these names. Anybody can see them; they are the policy's, so they go with it. */
export function alarmsOf(
  id: ScalableId,
  policy: TargetTrackingScalingPolicyConfiguration,
  policyArn: string,
  [high, low]: readonly string[],
): PutMetricAlarmInput[] {
  const { period, Metrics, ...metric } = followedMetric(id, policy);
  const shared = {
    AlarmDescription: `DO NOT EDIT OR DELETE. For TargetTrackingScaling policy ${policyArn}.`,
    AlarmActions: [policyArn],
    ActionsEnabled: true,
    TreatMissingData: "missing",
  };
  const followed = (seconds: number) =>
    Metrics ? { Metrics: [...Metrics] } : { ...metric, Period: seconds };
  const tooLittle: PutMetricAlarmInput = {
    ...shared,
    ...followed(period),
    AlarmName: high,
    ComparisonOperator: "GreaterThanThreshold",
    Threshold: policy.TargetValue,
    EvaluationPeriods: OUT_PERIODS,
  };
  if (low === undefined) return [tooLittle];
  const tooMuch: PutMetricAlarmInput = {
    ...shared,
    ...followed(60),
    AlarmName: low,
    ComparisonOperator: "LessThanThreshold",
    Threshold: policy.TargetValue! * IN_SHARE,
    EvaluationPeriods: IN_PERIODS,
  };
  return [tooLittle, tooMuch];
}
