import { describe, expect, test } from "vitest";
import { evaluate, type Scope } from "../../../src/telemetry/math/evaluate.ts";
import { parseExpression } from "../../../src/telemetry/math/parse.ts";
import { isSeries, type Series, type Value } from "../../../src/telemetry/math/series.ts";

const MINUTE = 60_000;

/** One datapoint a minute; undefined is a missing one. */
function series(label: string, ...values: (number | undefined)[]): Series {
  const points = values.flatMap((value, index) => (value === undefined ? [] : [[index * MINUTE, value]]));
  return {
    label,
    periodMs: MINUTE,
    times: points.map(([time]) => time!),
    values: points.map(([, value]) => value!),
  };
}

const queries: Record<string, Series> = {
  m1: series("one", 1, 2, 3, 4),
  m2: series("two", 10, undefined, 30, 0),
  gaps: series("gaps", undefined, 2, undefined, undefined, 8),
  none: series("none"),
  negative: series("negative", -1.5, 1.5),
};
const scope: Scope = {
  value: (id) => queries[id],
  metrics: () => Object.entries(queries).filter(([id]) => /^m\d/.test(id)),
  search: (pattern, statistic, periodMs) => [series(`${pattern} ${statistic} ${periodMs}`, 7)],
  from: () => 0,
  to: 5 * MINUTE,
};

/** As `minute:value` pairs, so that what is missing is seen. */
function shown(value: Value): unknown {
  if (typeof value === "number") return value;
  if (!isSeries(value)) return value.map(shown);
  return value.times.map((time, index) => `${time / MINUTE}:${value.values[index]}`).join(" ");
}
const result = (text: string) => shown(evaluate(parseExpression(text), scope));

describe("an expression", () => {
  test.each<[string, unknown]>([
    // numbers and precedence
    ["1 + 2 * 3", 7],
    ["(1 + 2) * 3", 9],
    ["2 ^ 3 ^ 2", 512],
    ["-2 ^ 2", -4],
    ["- -3", 3],
    ["10 - 4 - 3", 3],
    ["1 < 2 AND 2 < 1 OR 1 == 1", 1],
    ["1 != 1 || 0 && 1", 0],
    ["1.5e2 / .5", 300],
    // series with numbers and with series
    ["m1 * 2", "0:2 1:4 2:6 3:8"],
    ["100 - m1", "0:99 1:98 2:97 3:96"],
    ["m1 + m2", "0:11 2:33 3:4"],
    ["m1 / m2", `0:0.1 2:0.1`],
    ["m1 > 2", "0:0 1:0 2:1 3:1"],
    ["m1 >= 2 AND m1 <= 3", "0:0 1:1 2:1 3:0"],
    ["-m1", "0:-1 1:-2 2:-3 3:-4"],
    ["none + 1", ""],
    // lists
    ["METRICS()", ["0:1 1:2 2:3 3:4", "0:10 2:30 3:0"]],
    ['METRICS("m2")', ["0:10 2:30 3:0"]],
    ["[m1, m2] * 2", ["0:2 1:4 2:6 3:8", "0:20 2:60 3:0"]],
    ["METRICS() / m1", ["0:1 1:1 2:1 3:1", "0:10 2:10 3:0"]],
    // aggregates
    ["SUM(m1)", 10],
    ["AVG(m1)", 2.5],
    ["MIN(m1)", 1],
    ["MAX(m1)", 4],
    ["STDDEV(m1)", Math.sqrt(1.25)],
    ["SUM(METRICS())", "0:11 1:2 2:33 3:4"],
    ["AVG([m1, m2])", "0:5.5 1:2 2:16.5 3:2"],
    ["MIN([m1, m2])", "0:1 1:2 2:3 3:0"],
    ["MAX([m1, m2])", "0:10 1:2 2:30 3:4"],
    ["STDDEV([m1, m2])", "0:4.5 1:0 2:13.5 3:2"],
    ["m1 - AVG(m1)", "0:-1.5 1:-0.5 2:0.5 3:1.5"],
    ["m1 / SUM(none)", ""],
    // the rest of the functions
    ["RATE(m1)", `1:${1 / 60} 2:${1 / 60} 3:${1 / 60}`],
    ["DIFF(m1)", "1:1 2:1 3:1"],
    ["DIFF(gaps)", "4:6"],
    ["PERIOD(m1)", 60],
    ["m1 / PERIOD(m1) * 60", "0:1 1:2 2:3 3:4"],
    ["ABS(negative)", "0:1.5 1:1.5"],
    ["CEIL(negative)", "0:-1 1:2"],
    ["FLOOR(negative)", "0:-2 1:1"],
    ["FLOOR(2.7)", 2],
    ["ABS(METRICS())", ["0:1 1:2 2:3 3:4", "0:10 2:30 3:0"]],
    ["FILL(gaps, 0)", "0:0 1:2 2:0 3:0 4:8"],
    ["FILL(gaps, REPEAT)", "1:2 2:2 3:2 4:8"],
    ["FILL(gaps, LINEAR)", "1:2 2:4 3:6 4:8"],
    ["FILL(gaps, m1)", "0:1 1:2 2:3 3:4 4:8"],
    ["FILL(none, 5)", "0:5 1:5 2:5 3:5 4:5"],
    ["FILL(METRICS(), 9)", ["0:1 1:2 2:3 3:4 4:9", "0:10 1:9 2:30 3:0 4:9"]],
    ["IF(m1 > 2, m1, 0)", "0:0 1:0 2:3 3:4"],
    ["IF(m1 > 2, m2)", "2:30 3:0"],
    ["IF(m1 > 2, 1, m2)", "0:10 2:1 3:1"],
    ["IF(1, m1, m2)", "0:1 1:2 2:3 3:4"],
    ["IF(0, m1)", ""],
    ["IF(0, 1, 2)", 2],
    ["SEARCH('{AWS/SageMaker} x', 'Sum', 300)", ["0:7"]],
    ["SUM(SEARCH('x', 'Sum'))", "0:7"],
  ])("%s", (text, wanted) => {
    expect(result(text)).toEqual(wanted);
  });

  test.each([
    ["", "Syntax error: the expression ends too early"],
    ["m1 +", "Syntax error: the expression ends too early"],
    ["(m1", "Syntax error: the expression ends too early"],
    ["m1 m2", "Syntax error at character 4: unexpected 'm2'"],
    ["m1 # 2", "Syntax error at character 4: '# 2'"],
    ["SUM(m1", "Syntax error: the expression ends too early"],
    ["[m1,]", "Syntax error at character 5: unexpected ']'"],
    ["m9 + 1", "Unknown Id 'm9'"],
    ["EXEC(m1)", "The function EXEC does not exist, or Tideway does not have it"],
    ["constructor(m1)", "The function constructor does not exist, or Tideway does not have it"],
    ["SUM()", "SUM takes 1 arguments, not 0"],
    ["IF(m1)", "IF takes 2 to 3 arguments, not 1"],
    ["SUM(5)", "Unsupported operand type(s) for SUM: '[Scalar]'"],
    ["RATE(5)", "Unsupported operand type(s) for RATE: '[Scalar]'"],
    ["FILL(5, 0)", "Unsupported operand type(s) for FILL: '[Scalar, Scalar]'"],
    [
      "METRICS() + METRICS()",
      "Unsupported operand type(s) for +: '[Array of time series, Array of time series]'",
    ],
    ["IF(METRICS(), 1, 0)", "Unsupported operand type(s) for IF: '[Array of time series, Scalar, Scalar]'"],
    ["[1, 2]", "Unsupported operand type(s) for []: '[Scalar]'"],
    ["'a' + 1", "A text is only allowed in METRICS and SEARCH: 'a'"],
    ["METRICS(m1)", "METRICS takes texts in quotes"],
    ["SEARCH('x')", "SEARCH takes a search, a statistic and, where wanted, a period in seconds"],
    ["(".repeat(60) + "1" + ")".repeat(60), "The expression is nested more than 50 levels deep"],
    ["-".repeat(2000) + "1", "The expression is nested more than 50 levels deep"],
    [Array(300).fill("1").join("+"), "The expression has more than 500 parts"],
  ])("%s is refused", (text, message) => {
    expect(() => result(text)).toThrow(expect.objectContaining({ name: "ExpressionError", message }));
  });
});
