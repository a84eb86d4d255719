/** What CloudWatch publishes to a topic when an alarm changes its state. */
import type { Dimension, MetricDataQuery } from "@aws-sdk/client-cloudwatch";
import type { Account } from "../../base/arn.ts";
import { stamp } from "./alarm-times.ts";
import type { Alarm, AlarmTransition } from "./kinds.ts";

/** One action of one change of state. */
export interface AlarmAction {
  /** Which action: a topic, a scaling policy. */
  readonly arn: string;
  /** The alarm in its new state, with why it is so. */
  readonly alarm: Alarm;
  readonly transition: AlarmTransition;
  /** The alarms that a composite alarm is made of. */
  readonly children: readonly Alarm[];
}

/** Of the regions that Tideway's users name most; for others the region's code stands for its name. */
const REGION_NAMES: Readonly<Record<string, string>> = {
  "us-east-1": "US East (N. Virginia)",
  "us-east-2": "US East (Ohio)",
  "us-west-1": "US West (N. California)",
  "us-west-2": "US West (Oregon)",
  "ca-central-1": "Canada (Central)",
  "eu-west-1": "EU (Ireland)",
  "eu-west-2": "EU (London)",
  "eu-west-3": "EU (Paris)",
  "eu-central-1": "EU (Frankfurt)",
  "eu-north-1": "EU (Stockholm)",
  "ap-south-1": "Asia Pacific (Mumbai)",
  "ap-northeast-1": "Asia Pacific (Tokyo)",
  "ap-northeast-2": "Asia Pacific (Seoul)",
  "ap-southeast-1": "Asia Pacific (Singapore)",
  "ap-southeast-2": "Asia Pacific (Sydney)",
  "sa-east-1": "South America (Sao Paulo)",
};

const regionName = ({ region }: Account) => REGION_NAMES[region] ?? region;

/** SNS takes subjects of up to 100 printable ASCII characters. */
export function alarmSubject({ alarm: { name }, transition }: AlarmAction, account: Account): string {
  const subject = `${transition.to.state}: "${name}" in ${regionName(account)}`;
  return (subject.length <= 100 ? subject : `${subject.slice(0, 97)}...`).replaceAll(/[^ -~]/g, "?");
}

/** JSON, with the members in CloudWatch's order. */
export function alarmMessage({ alarm, transition, children }: AlarmAction, account: Account): string {
  const { spec, status } = alarm;
  return JSON.stringify({
    AlarmName: alarm.name,
    AlarmDescription: spec.AlarmDescription ?? null,
    AWSAccountId: account.accountId,
    AlarmConfigurationUpdatedTimestamp: stamp(status.configuredAt),
    NewStateValue: transition.to.state,
    NewStateReason: transition.to.reason,
    StateChangeTime: stamp(transition.at),
    Region: regionName(account),
    AlarmArn: alarm.arn,
    OldStateValue: transition.from.state,
    OKActions: spec.OKActions ?? [],
    AlarmActions: spec.AlarmActions ?? [],
    InsufficientDataActions: spec.InsufficientDataActions ?? [],
    ...(spec.type === "composite"
      ? { AlarmRule: spec.AlarmRule, TriggeringChildren: children.map(childState) }
      : { Trigger: triggerOf(spec) }),
  });
}

const childState = ({ arn, status }: Alarm) => ({
  Arn: arn,
  State: { Value: status.state, Timestamp: stamp(status.transitionedAt) },
});

function triggerOf(spec: Extract<Alarm["spec"], { type: "metric" }>) {
  const common = {
    EvaluationPeriods: spec.EvaluationPeriods,
    ...(spec.DatapointsToAlarm !== undefined && { DatapointsToAlarm: spec.DatapointsToAlarm }),
    ComparisonOperator: spec.ComparisonOperator,
    Threshold: spec.Threshold,
    TreatMissingData: spec.TreatMissingData ?? "",
    EvaluateLowSampleCountPercentile: spec.EvaluateLowSampleCountPercentile ?? "",
  };
  if (spec.Metrics) return { Period: 0, ...common, Metrics: spec.Metrics.map(queryOf) };
  const { ExtendedStatistic, Statistic } = spec;
  return {
    MetricName: spec.MetricName,
    Namespace: spec.Namespace,
    ...(ExtendedStatistic === undefined
      ? { StatisticType: "Statistic", Statistic: STATISTICS[Statistic ?? ""] ?? Statistic }
      : { StatisticType: "ExtendedStatistic", ExtendedStatistic }),
    Unit: spec.Unit ?? null,
    Dimensions: dimensionsOf(spec.Dimensions),
    Period: spec.Period,
    ...common,
  };
}

/** The names that the messages still use. */
const STATISTICS: Readonly<Record<string, string>> = {
  Average: "AVERAGE",
  Maximum: "MAXIMUM",
  Minimum: "MINIMUM",
  SampleCount: "SAMPLE_COUNT",
  Sum: "SUM",
};

function queryOf({ MetricStat, ...query }: MetricDataQuery) {
  if (!MetricStat) return query;
  const { Metric, ...stat } = MetricStat;
  return {
    ...query,
    MetricStat: { Metric: { ...Metric, Dimensions: dimensionsOf(Metric?.Dimensions) }, ...stat },
  };
}

function dimensionsOf(dimensions: readonly Partial<Dimension>[] | undefined) {
  return (dimensions ?? []).map(({ Name, Value }) => ({ value: Value, name: Name }));
}
