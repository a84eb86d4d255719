/** PutMetricAlarm: what it asks for is checked whole, so that the evaluation of an alarm can not fail by its form. */
import type * as sdk from "@aws-sdk/client-cloudwatch";
import { calls, parseExpression } from "../../telemetry/math/parse.ts";
import { Results } from "../../telemetry/math/queries.ts";
import { isSeries } from "../../telemetry/math/series.ts";
import { isExtended, statisticOf } from "../../telemetry/math/statistic.ts";
import type { Context } from "../../wire/context.ts";
import type { Handlers } from "../../wire/service.ts";
import type { AlarmOperationPorts } from "./alarm-ports.ts";
import { explained, queriesFrom } from "./data-queries.ts";
import { invalid, unsupported } from "./faults.ts";
import { type MetricAlarmSpec, periodOf } from "./judge.ts";
import { metricFrom } from "./metric-input.ts";
import { saveAlarm } from "./save-alarm.ts";

const HOUR = 3600;
const DAY = 24 * HOUR;
const MOST_QUERIES = 20;
const MOST_OF_A_SORT = 10;

export function putMetricAlarm(
  ports: AlarmOperationPorts,
): Pick<Handlers<typeof sdk, Context>, "PutMetricAlarm"> {
  return {
    async PutMetricAlarm({ Tags, ...input }) {
      const spec: MetricAlarmSpec = { type: "metric", ...input };
      refuseUnsupported(input);
      if ((input.MetricName === undefined) === (input.Metrics === undefined))
        throw invalid("Exactly one of the parameters MetricName and Metrics must be specified.");
      if (input.Metrics) checkMath(input, input.Metrics);
      else checkMetric(input);
      checkThreshold(spec);
      await saveAlarm(ports, input.AlarmName, spec, Tags);
      return {};
    },
  };
}

type Input = Omit<sdk.PutMetricAlarmInput, "Tags">;

function refuseUnsupported(input: Input): void {
  if (input.EvaluationCriteria !== undefined || input.EvaluationInterval !== undefined)
    throw unsupported("EvaluationCriteria", "an alarm on a PromQL query");
  if (input.ThresholdMetricId !== undefined) throw unsupported("ThresholdMetricId", "anomaly detection");
  if (input.EvaluationWindow && !("SlidingWindow" in input.EvaluationWindow))
    throw unsupported("EvaluationWindow", "a wall clock window");
  if (input.WarmUpConfiguration !== undefined) throw unsupported("WarmUpConfiguration", "a warm-up");
  if (input.ActionConfiguration !== undefined)
    throw unsupported("ActionConfiguration", "other content of notifications");
  const { ComparisonOperator: operator } = input;
  if (operator?.includes("Lower") || operator?.includes("Upper"))
    throw unsupported("ComparisonOperator", `${operator}, which is for anomaly detection,`);
}

function required(name: string, value: unknown): void {
  if (value === undefined) throw invalid(`The parameter ${name} is required.`);
}

function oneOf(name: string, value: string | undefined, values: readonly string[]): void {
  if (value !== undefined && !values.includes(value))
    throw invalid(`The value ${value} for parameter ${name} is invalid: it is one of ${values.join(", ")}.`);
}

function checkThreshold(spec: MetricAlarmSpec): void {
  const { EvaluationPeriods: periods = 0, DatapointsToAlarm: least, Threshold } = spec;
  required("EvaluationPeriods", spec.EvaluationPeriods);
  required("ComparisonOperator", spec.ComparisonOperator);
  required("Threshold", Threshold);
  if (least !== undefined && least > periods)
    throw invalid("The parameter DatapointsToAlarm must be less than or equal to EvaluationPeriods.");
  oneOf("TreatMissingData", spec.TreatMissingData, ["breaching", "notBreaching", "ignore", "missing"]);
  oneOf("EvaluateLowSampleCountPercentile", spec.EvaluateLowSampleCountPercentile, ["evaluate", "ignore"]);
  const period = periodOf(spec) / 1000;
  if (![10, 20, 30].includes(period) && period % 60 !== 0)
    throw invalid("The parameter Period must be 10, 20, 30 or a multiple of 60.");
  const most = period < HOUR ? DAY : 7 * DAY;
  if (period * periods > most)
    throw invalid(
      `Metrics cannot be checked across more than ${most === DAY ? "a day" : "7 days"} (EvaluationPeriods * Period must be <= ${most}).`,
    );
}

function checkMetric(input: Input): void {
  const { Namespace, MetricName = "", Dimensions, Statistic, ExtendedStatistic } = input;
  required("Namespace", Namespace);
  required("Period", input.Period);
  if ((Statistic === undefined) === (ExtendedStatistic === undefined))
    throw invalid("Exactly one of the parameters Statistic and ExtendedStatistic must be specified.");
  if (ExtendedStatistic !== undefined && (!isExtended(ExtendedStatistic) || !statisticOf(ExtendedStatistic)))
    throw invalid(`The value ${ExtendedStatistic} for parameter ExtendedStatistic is not supported.`);
  metricFrom(Namespace ?? "", MetricName, Dimensions, "", invalid);
}

const OF_ONE_METRIC = [
  "Namespace",
  "Dimensions",
  "Period",
  "Unit",
  "Statistic",
  "ExtendedStatistic",
] as const;

function checkMath(input: Input, metrics: readonly sdk.MetricDataQuery[]): void {
  const other = OF_ONE_METRIC.find((member) => input[member] !== undefined);
  if (other) throw invalid(`The parameters Metrics and ${other} must not be specified together.`);
  const expressions = metrics.filter(({ Expression }) => Expression !== undefined);
  if (metrics.length > MOST_QUERIES || expressions.length > MOST_OF_A_SORT)
    throw invalid(
      `Metrics has up to ${MOST_QUERIES} members, and ${MOST_OF_A_SORT} of them are expressions.`,
    );
  if (metrics.length - expressions.length > MOST_OF_A_SORT)
    throw invalid(`Alarms on math expressions cannot contain more than ${MOST_OF_A_SORT} individual metrics`);
  if (metrics.length === expressions.length)
    throw invalid("Metrics must contain at least one member with a MetricStat.");
  const watched = metrics.filter(({ ReturnData }) => ReturnData !== false);
  if (watched.length !== 1)
    throw invalid("Metrics list must contain exactly one metric matching the ReturnData flag");
  const queries = queriesFrom(metrics, "Metrics");
  if (expressions.some(({ Expression = "" }) => calls(parseExpression(Expression), "SEARCH")))
    throw invalid("SEARCH is not supported on Metric Alarms.");
  // what kind of value an expression has does not depend on data: none are enough to find out
  const { Id = "" } = watched[0]!;
  const nothing = new Results({ query: () => [], list: () => [] }, queries, { from: () => 0, to: 0 });
  const value = explained(Id, () => nothing.of(Id));
  if (value === undefined || typeof value === "number" || !isSeries(value))
    throw invalid(`Error in expression '${Id}': The expression must return a single time series`);
}
