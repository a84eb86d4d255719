/** MetricDataQuery structures, checked and made into queries. */
import type { MetricDataQuery } from "@aws-sdk/client-cloudwatch";
import { namesIn, parseExpression } from "../../telemetry/math/parse.ts";
import type { Query } from "../../telemetry/math/queries.ts";
import { statisticOf } from "../../telemetry/math/statistic.ts";
import { ExpressionError } from "../../telemetry/math/tokens.ts";
import { invalid, unsupported } from "./faults.ts";
import { isPeriod, metricFrom } from "./metric-input.ts";

const ID = /^[a-z][a-zA-Z0-9_]*$/;

/** `at` is what the request calls the list: `MetricDataQueries` or `Metrics`. */
export function queriesFrom(list: readonly MetricDataQuery[], at: string): Query[] {
  const ids = new Set<string>();
  for (const [index, { Id = "" }] of list.entries()) {
    if (!ID.test(Id))
      throw invalid(
        `The value ${Id} for parameter ${at}.member.${index + 1}.Id is not matching the expected pattern ^[a-z][a-zA-Z0-9_]*$.`,
      );
    if (ids.has(Id)) throw invalid(`The values for parameter Id in ${at} are not unique.`);
    ids.add(Id);
  }
  return list.map((query, index) => queryFrom(query, `${at}.member.${index + 1}`, ids));
}

function queryFrom(query: MetricDataQuery, at: string, ids: ReadonlySet<string>): Query {
  const { Id: id = "", Label, Expression, MetricStat, Period } = query;
  if ((Expression === undefined) === (MetricStat === undefined))
    throw invalid(`Exactly one of the parameters ${at}.MetricStat and ${at}.Expression must be specified.`);
  if (query.AccountId !== undefined) throw unsupported(`${at}.AccountId`, "another account's metrics");
  const named = { id, ...(Label !== undefined && { label: Label }) };
  if (Period !== undefined) checkPeriod(Period, `${at}.Period`);
  if (Expression !== undefined) {
    if (/^\s*SELECT\s/i.test(Expression)) throw unsupported(`${at}.Expression`, "Metrics Insights");
    const periodMs = Period === undefined ? {} : { periodMs: Period * 1000 };
    return { ...named, ...periodMs, expression: parsed(id, Expression, ids) };
  }
  const { Metric = {}, Stat = "", Unit, Period: seconds = 0 } = MetricStat!;
  if (Metric.Namespace === undefined || Metric.MetricName === undefined)
    throw invalid(`The parameters ${at}.MetricStat.Metric.Namespace and MetricName are required.`);
  checkPeriod(seconds, `${at}.MetricStat.Period`);
  const statistic = statisticOf(Stat);
  if (!statistic) throw invalid(`The value ${Stat} for parameter ${at}.MetricStat.Stat is not supported.`);
  const place = `${at}.MetricStat.Metric.`;
  const metric = metricFrom(Metric.Namespace, Metric.MetricName, Metric.Dimensions, place, invalid);
  const unit = Unit === undefined ? {} : { unit: Unit };
  return { ...named, stat: { metric, periodMs: seconds * 1000, statistic, ...unit } };
}

function parsed(id: string, text: string, ids: ReadonlySet<string>) {
  return explained(id, () => {
    const expression = parseExpression(text);
    const stranger = namesIn(expression).find((name) => !ids.has(name));
    if (stranger !== undefined) throw new ExpressionError(`Unknown Id '${stranger}'`);
    return expression;
  });
}

/** What is wrong with an expression, told with its Id as CloudWatch does. */
export function explained<Result>(id: string, work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    throw error instanceof ExpressionError ? invalid(`Error in expression '${id}': ${error.message}`) : error;
  }
}

function checkPeriod(seconds: number, at: string): void {
  if (!isPeriod(seconds))
    throw invalid(`The parameter ${at} must be 1, 5, 10, 20, 30 or a multiple of 60, and is ${seconds}.`);
}
