/** GetMetricData: metrics and math on them, in pages. */
import { setImmediate as turn } from "node:timers/promises";
import type * as sdk from "@aws-sdk/client-cloudwatch";
import type { Clock } from "../../base/clock.ts";
import { Results } from "../../telemetry/math/queries.ts";
import { isSeries, type Series } from "../../telemetry/math/series.ts";
import type { MetricReader } from "../../telemetry/metrics.ts";
import type { Context } from "../../wire/context.ts";
import type { Handlers } from "../../wire/service.ts";
import { explained, queriesFrom } from "./data-queries.ts";
import { invalid, invalidToken } from "./faults.ts";
import { roundedStart } from "./metric-input.ts";

const MOST_QUERIES = 500;
const MOST_DATAPOINTS = 100_800;

/** Where a page ended: its last result, and the last time of that. */
type Position = readonly [result: number, time: number];

export function getMetricData(
  reader: MetricReader,
  clock: Clock,
): Pick<Handlers<typeof sdk, Context>, "GetMetricData"> {
  return {
    async GetMetricData(input) {
      const { MetricDataQueries: list, StartTime, EndTime, LabelOptions } = input;
      const { ScanBy = "TimestampDescending", MaxDatapoints = MOST_DATAPOINTS, NextToken } = input;
      if (!list.length) throw invalid("The parameter MetricDataQueries is required.");
      if (list.length > MOST_QUERIES)
        throw invalid(`The collection MetricDataQueries must not have a size greater than ${MOST_QUERIES}.`);
      if (EndTime.getTime() <= StartTime.getTime())
        throw invalid("The parameter EndTime must be greater than StartTime.");
      if (!Number.isInteger(MaxDatapoints) || MaxDatapoints < 1 || MaxDatapoints > MOST_DATAPOINTS)
        throw invalid(`The parameter MaxDatapoints must be from 1 to ${MOST_DATAPOINTS}.`);
      const zone = LabelOptions?.Timezone;
      if (zone !== undefined && !/^[+-](0\d|1[0-4])[0-5]\d$/.test(zone))
        throw invalid(`The value ${zone} for parameter LabelOptions.Timezone is invalid.`);
      const queries = queriesFrom(list, "MetricDataQueries");
      const now = clock.now();
      const results = new Results(reader, queries, {
        from: (periodMs) => roundedStart(StartTime.getTime(), periodMs, now),
        to: EndTime.getTime(),
      });
      // a long time is read metric by metric: other requests have their turns in between
      for (const query of queries)
        if ("stat" in query) {
          explained(query.id, () => results.of(query.id));
          await turn();
        }
      const shown = list
        .filter(({ ReturnData }) => ReturnData !== false)
        .flatMap(({ Id, Label, Expression }) => {
          const value = explained(Id, () => results.of(Id));
          if (value === undefined || typeof value === "number")
            throw invalid(
              `Error in expression '${Id}': The expression must return a time series or an array of time series`,
            );
          if (isSeries(value))
            return [{ id: Id, label: Label ?? (Expression ? Id : value.label), series: value }];
          return value.map((series) => ({
            id: Id,
            label: Label === undefined ? series.label : `${Label} ${series.label}`.trim(),
            series,
          }));
        });
      const after = NextToken === undefined ? undefined : positionOf(NextToken, shown.length);
      return page(shown, ScanBy === "TimestampDescending", MaxDatapoints, after);
    },
  };
}

interface Shown {
  readonly id: string;
  readonly label: string;
  readonly series: Series;
}

function page(all: readonly Shown[], newestFirst: boolean, most: number, after: Position | undefined) {
  const MetricDataResults: sdk.MetricDataResult[] = [];
  let room = most;
  let next: Position | undefined;
  for (const [index, { id, label, series }] of all.entries()) {
    if (after && index < after[0]) continue;
    let rows = series.times.map((time, at) => [time, series.values[at]!] as const);
    if (newestFirst) rows.reverse();
    if (after && index === after[0])
      rows = rows.filter(([time]) => (newestFirst ? time < after[1] : time > after[1]));
    const taken = rows.slice(0, room);
    room -= taken.length;
    const cut = taken.length < rows.length;
    MetricDataResults.push({
      Id: id,
      Label: label,
      Timestamps: taken.map(([time]) => new Date(time)),
      Values: taken.map(([, value]) => value),
      StatusCode: cut ? "PartialData" : "Complete",
    });
    if (!cut) continue;
    next = [index, taken.at(-1)?.[0] ?? (newestFirst ? LATEST : 0)];
    break;
  }
  const token = next && { NextToken: Buffer.from(JSON.stringify(next)).toString("base64url") };
  return { MetricDataResults, Messages: [], ...token };
}

/** Later than any datapoint. */
const LATEST = 8.64e15;

function positionOf(token: string, results: number): Position {
  try {
    const [result, time] = JSON.parse(Buffer.from(token, "base64url").toString()) as Position;
    if (Number.isInteger(result) && result >= 0 && result < results && Number.isInteger(time))
      return [result, time];
  } catch {
    // told below
  }
  throw invalidToken();
}
