/** PutMetricData: values, counted values and statistic sets, checked whole before anything is kept. */
import type * as sdk from "@aws-sdk/client-cloudwatch";
import type { Clock } from "../../base/clock.ts";
import { type Datum, type MetricStorage, TooManySeries } from "../../telemetry/metrics.ts";
import { Accumulator, type Point, pointOf, statisticSet } from "../../telemetry/point.ts";
import type { Context } from "../../wire/context.ts";
import type { Handlers } from "../../wire/service.ts";
import { CloudWatchError, invalidCombination, invalidValue, missingParameter } from "./faults.ts";
import { metricFrom } from "./metric-input.ts";

const MOST_DATA = 1000;
const MOST_VALUES = 150;
const LARGEST = 2 ** 360;
const HOUR = 3_600_000;
const OLDEST_MS = 14 * 24 * HOUR;
const NEWEST_MS = 2 * HOUR;

export function putMetricData(
  storage: MetricStorage,
  clock: Clock,
): Pick<Handlers<typeof sdk, Context>, "PutMetricData"> {
  return {
    async PutMetricData({ Namespace, MetricData = [], EntityMetricData = [] }) {
      // who an entity is has no meaning here; its metrics do
      const all = [...MetricData, ...EntityMetricData.flatMap(({ MetricData: data }) => data ?? [])];
      if (!all.length) throw missingParameter("The parameter MetricData is required.");
      if (all.length > MOST_DATA)
        throw invalidValue(`The collection MetricData must not have a size greater than ${MOST_DATA}.`);
      const now = clock.now();
      const data = all.map((datum, index) =>
        datumFrom(Namespace, datum, `MetricData.member.${index + 1}.`, now),
      );
      try {
        await storage.put(data);
      } catch (error) {
        throw error instanceof TooManySeries
          ? new CloudWatchError("LimitExceededFault", error.message)
          : error;
      }
      return {};
    },
  };
}

function datumFrom(namespace: string, datum: sdk.MetricDatum, at: string, now: number): Datum {
  const { MetricName = "", Timestamp, Unit = "None", StorageResolution = 60 } = datum;
  const time = Timestamp?.getTime() ?? now;
  if (time < now - OLDEST_MS || time > now + NEWEST_MS)
    throw invalidValue(
      `The parameter ${at}Timestamp must specify a time no more than two weeks in the past and no more than two hours in the future.`,
    );
  if (StorageResolution !== 1 && StorageResolution !== 60)
    throw invalidValue(
      `The value ${StorageResolution} for parameter ${at}StorageResolution is invalid: it is 1 or 60.`,
    );
  return {
    metric: metricFrom(namespace, MetricName, datum.Dimensions, at, invalidValue),
    unit: Unit,
    at: time,
    resolution: StorageResolution,
    point: pointFrom(datum, at),
  };
}

function pointFrom({ Value, Values, Counts, StatisticValues }: sdk.MetricDatum, at: string): Point {
  const exclusive = (a: string, b: string) =>
    invalidCombination(
      `The parameters ${at}${a} and ${at}${b} are mutually exclusive and you have specified both.`,
    );
  if (Value !== undefined && Values) throw exclusive("Value", "Values");
  if (Value !== undefined && StatisticValues) throw exclusive("Value", "StatisticValues");
  if (Values && StatisticValues) throw exclusive("Values", "StatisticValues");
  if (Value !== undefined) return pointOf(checked(Value, `${at}Value`));
  if (StatisticValues) return setFrom(StatisticValues, `${at}StatisticValues.`);
  if (!Values)
    throw missingParameter(
      `At least one of the parameters ${at}Value, ${at}Values and ${at}StatisticValues must be specified.`,
    );
  return countedFrom(Values, Counts, at);
}

function countedFrom(values: readonly number[], counts: readonly number[] | undefined, at: string): Point {
  if (!values.length || values.length > MOST_VALUES)
    throw invalidValue(`The collection ${at}Values must have a size from 1 to ${MOST_VALUES}.`);
  if (counts && counts.length !== values.length)
    throw invalidValue(`The parameters ${at}Values and ${at}Counts must be of the same size.`);
  const point = new Accumulator();
  for (const [index, value] of values.entries()) {
    const count = counts?.[index] ?? 1;
    if (!(count > 0) || count > LARGEST)
      throw invalidValue(`The value ${count} for parameter ${at}Counts.member.${index + 1} is invalid.`);
    point.add(checked(value, `${at}Values.member.${index + 1}`), count);
  }
  return point;
}

function setFrom(set: sdk.StatisticSet, at: string): Point {
  const { SampleCount = 0, Sum = 0, Minimum = 0, Maximum = 0 } = set;
  for (const [name, value] of Object.entries({ SampleCount, Sum, Minimum, Maximum }))
    checked(value, `${at}${name}`);
  if (SampleCount <= 0) throw invalidValue(`The parameter ${at}SampleCount must be greater than 0.`);
  if (Maximum < Minimum) throw invalidValue(`The parameter ${at}Maximum must be greater than ${at}Minimum.`);
  return statisticSet(Sum, SampleCount, Minimum, Maximum);
}

function checked(value: number, at: string): number {
  if (!(Math.abs(value) <= LARGEST)) throw invalidValue(`The value ${value} for parameter ${at} is invalid.`);
  return value;
}
