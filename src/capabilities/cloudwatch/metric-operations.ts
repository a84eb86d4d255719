/** GetMetricStatistics and ListMetrics. */
import type * as sdk from "@aws-sdk/client-cloudwatch";
import type { Clock } from "../../base/clock.ts";
import { isExtended, statisticOf } from "../../telemetry/math/statistic.ts";
import { metricKey } from "../../telemetry/metric.ts";
import type { MetricReader } from "../../telemetry/metrics.ts";
import type { Point } from "../../telemetry/point.ts";
import type { Context } from "../../wire/context.ts";
import type { Handlers } from "../../wire/service.ts";
import { invalidCombination, invalidToken, invalidValue, missingParameter, unsupported } from "./faults.ts";
import { isPeriod, metricFrom, metricOutput, roundedStart } from "./metric-input.ts";

const MOST_DATAPOINTS = 1440;
const PAGE = 500;
const HOUR = 3_600_000;
const TWO_WEEKS = 14 * 24 * HOUR;

export function metricOperations(
  reader: MetricReader,
  clock: Clock,
): Pick<Handlers<typeof sdk, Context>, "GetMetricStatistics" | "ListMetrics"> {
  return {
    async GetMetricStatistics(input) {
      const { Namespace, MetricName, Dimensions, StartTime, EndTime, Period, Unit } = input;
      const statistics = statisticsOf(input);
      const metric = metricFrom(Namespace, MetricName, Dimensions, "", invalidValue);
      if (StartTime.getTime() >= EndTime.getTime())
        throw invalidValue("The parameter StartTime must be less than the parameter EndTime.");
      if (!isPeriod(Period))
        throw invalidValue("The parameter Period must be 1, 5, 10, 20, 30 or a multiple of 60.");
      const periodMs = Period * 1000;
      const from = roundedStart(StartTime.getTime(), periodMs, clock.now());
      const count = Math.ceil((EndTime.getTime() - from) / periodMs);
      if (count > MOST_DATAPOINTS)
        throw invalidCombination(
          `You have requested up to ${count.toLocaleString("en-US")} datapoints, which exceeds the limit of 1,440. ` +
            "You may reduce the datapoints requested by increasing Period, or decreasing the time range.",
        );
      const unit = Unit === undefined ? {} : { unit: Unit };
      const series = reader.query({ metric, from, to: from + count * periodMs, period: Period, ...unit });
      return {
        Label: MetricName,
        Datapoints: series.flatMap(({ unit: own, buckets }) =>
          buckets.map((bucket) => ({
            Timestamp: new Date(bucket.start),
            Unit: own as sdk.StandardUnit,
            ...datapoint(bucket, statistics),
          })),
        ),
      };
    },

    async ListMetrics(input) {
      const { Namespace, MetricName, Dimensions = [], NextToken, RecentlyActive } = input;
      if (input.OwningAccount !== undefined) throw unsupported("OwningAccount", "another account's metrics");
      const found = reader.list({
        ...(Namespace !== undefined && { namespace: Namespace }),
        ...(MetricName !== undefined && { name: MetricName }),
        dimensions: Dimensions.map(({ Name, Value }) => [Name, Value] as const),
        putSince: clock.now() - (RecentlyActive ? 3 * HOUR : TWO_WEEKS),
      });
      let start = 0;
      if (NextToken !== undefined) {
        const after = Buffer.from(NextToken, "base64url").toString();
        start = found.findIndex((metric) => metricKey(metric) === after) + 1;
        if (start === 0) throw invalidToken();
      }
      const page = found.slice(start, start + PAGE);
      const last = page.at(-1);
      return {
        Metrics: page.map(metricOutput),
        ...(last &&
          start + PAGE < found.length && {
            NextToken: Buffer.from(metricKey(last)).toString("base64url"),
          }),
      };
    },
  };
}

function statisticsOf({ Statistics, ExtendedStatistics }: sdk.GetMetricStatisticsInput): string[] {
  if (Statistics && ExtendedStatistics)
    throw invalidCombination("The parameters Statistics and ExtendedStatistics are mutually exclusive.");
  const names = Statistics ?? ExtendedStatistics;
  if (!names?.length)
    throw missingParameter(
      "At least one of the parameters Statistics and ExtendedStatistics must be specified.",
    );
  const wrong = names.find((name) => !statisticOf(name) || isExtended(name) !== (Statistics === undefined));
  if (wrong !== undefined)
    throw invalidValue(
      `The value ${wrong} for parameter ${Statistics ? "Statistics" : "ExtendedStatistics"} is not supported.`,
    );
  return names;
}

function datapoint(point: Point, names: readonly string[]) {
  const plain: Record<string, number> = {};
  const extended: Record<string, number> = {};
  for (const name of names) {
    const value = statisticOf(name)?.(point);
    if (value !== undefined) (isExtended(name) ? extended : plain)[name] = value;
  }
  return { ...plain, ...(Object.keys(extended).length && { ExtendedStatistics: extended }) };
}
