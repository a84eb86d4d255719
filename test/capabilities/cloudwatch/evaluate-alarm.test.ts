import { describe, expect, test } from "vitest";
import {
  type AlarmRule,
  evaluateAlarm,
  significantSamples,
} from "../../../src/capabilities/cloudwatch/evaluate-alarm.ts";

const NOW = Date.UTC(2026, 10, 22, 10, 5, 3);
const LAST = Date.UTC(2026, 10, 22, 10, 4);
const RULE: AlarmRule = {
  comparison: "GreaterThanThreshold",
  threshold: 5,
  evaluationPeriods: 3,
  datapointsToAlarm: 3,
  treatMissing: "missing",
  leastSamples: 0,
  statistic: "Average",
  period: 60,
};

/** `0 - X`: within the threshold, missing, breaching; the newest is the last, as in CloudWatch's documentation. */
function range(text: string, samples?: number) {
  const values = text.split(" ").map((one) => ({ "0": 1, X: 9 })[one]);
  return values.toReversed().map((value, index) => ({
    time: LAST - index * 60_000,
    value,
    ...(value !== undefined && samples !== undefined && { samples }),
  }));
}

const stateOf = (rule: Partial<AlarmRule>, text: string) =>
  evaluateAlarm({ ...RULE, ...rule }, range(text), NOW)?.state ?? "retained";

const [OK, ALARM, NONE, KEEP] = ["OK", "ALARM", "INSUFFICIENT_DATA", "retained"] as const;

describe("missing data, by the tables of CloudWatch's documentation", () => {
  test.each([
    // M, datapoints, missing, ignore, breaching, notBreaching
    [3, "0 - X - X", OK, OK, OK, OK],
    [3, "0 - - - -", OK, OK, OK, OK],
    [3, "- - - - -", NONE, KEEP, ALARM, OK],
    [3, "0 X X - X", ALARM, ALARM, ALARM, ALARM],
    [3, "- - X - -", ALARM, KEEP, ALARM, OK],
    [2, "0 - X - X", ALARM, ALARM, ALARM, ALARM],
    [2, "0 0 X 0 X", ALARM, ALARM, ALARM, ALARM],
    [2, "0 - X - -", OK, OK, ALARM, OK],
    [2, "- - - - 0", OK, OK, ALARM, OK],
    [2, "- - - X -", ALARM, KEEP, ALARM, OK],
    // a breach that the next datapoint may refute
    [3, "- - - - X", OK, KEEP, ALARM, OK],
    [3, "- - - X -", OK, KEEP, ALARM, OK],
  ])("%i of 3, %s", (datapointsToAlarm, text, ...states) => {
    const found = (["missing", "ignore", "breaching", "notBreaching"] as const).map((treatMissing) =>
      stateOf({ datapointsToAlarm, treatMissing }, text),
    );
    expect(found).toEqual(states);
  });
});

describe("the threshold", () => {
  test.each([
    ["GreaterThanThreshold", 9, OK],
    ["GreaterThanThreshold", 8, ALARM],
    ["GreaterThanOrEqualToThreshold", 9, ALARM],
    ["GreaterThanOrEqualToThreshold", 10, OK],
    ["LessThanThreshold", 9, OK],
    ["LessThanThreshold", 10, ALARM],
    ["LessThanOrEqualToThreshold", 9, ALARM],
    ["LessThanOrEqualToThreshold", 8, OK],
  ] as const)("%s %d", (comparison, threshold, state) => {
    expect(stateOf({ comparison, threshold, evaluationPeriods: 1, datapointsToAlarm: 1 }, "- - X")).toBe(
      state,
    );
  });
});

describe("the reason", () => {
  test.each<[Partial<AlarmRule>, string, string]>([
    [
      { evaluationPeriods: 1, datapointsToAlarm: 1 },
      "- - X",
      "Threshold Crossed: 1 out of the last 1 datapoints [9.0 (22/11/26 10:04:00)] was greater than the threshold (5.0) (minimum 1 datapoint for OK -> ALARM transition).",
    ],
    [
      { datapointsToAlarm: 2, comparison: "GreaterThanOrEqualToThreshold", threshold: 0.5 },
      "- - 0 X X",
      "Threshold Crossed: 3 out of the last 3 datapoints [9.0 (22/11/26 10:04:00), 9.0 (22/11/26 10:03:00), 1.0 (22/11/26 10:02:00)] were greater than or equal to the threshold (0.5) (minimum 2 datapoints for OK -> ALARM transition).",
    ],
    [
      { datapointsToAlarm: 2 },
      "- - 0 X 0",
      "Threshold Crossed: 2 out of the last 3 datapoints [1.0 (22/11/26 10:04:00), 1.0 (22/11/26 10:02:00)] were not greater than the threshold (5.0) (minimum 2 datapoints for ALARM -> OK transition).",
    ],
    [
      { datapointsToAlarm: 1, treatMissing: "notBreaching" },
      "- - - - X",
      "Threshold Crossed: 1 out of the last 3 datapoints [9.0 (22/11/26 10:04:00)] was greater than the threshold (5.0) and 2 missing datapoints were treated as [NonBreaching] (minimum 1 datapoint for OK -> ALARM transition).",
    ],
    [
      { datapointsToAlarm: undefined },
      "- - X X X",
      "Threshold Crossed: 3 datapoints [9.0 (22/11/26 10:04:00), 9.0 (22/11/26 10:03:00), 9.0 (22/11/26 10:02:00)] were greater than the threshold (5.0).",
    ],
    [
      {
        datapointsToAlarm: undefined,
        treatMissing: "breaching",
        comparison: "LessThanThreshold",
        threshold: 1,
      },
      "- - - 0 0",
      "Threshold Crossed: 2 datapoints [1.0 (22/11/26 10:04:00), 1.0 (22/11/26 10:03:00)] were not less than the threshold (1.0) and 1 missing datapoint was treated as [Breaching].",
    ],
    [
      { evaluationPeriods: 6, datapointsToAlarm: 5 },
      "- - X X X X X X",
      "Threshold Crossed: 6 out of the last 6 datapoints were greater than the threshold (5.0). The most recent datapoints which crossed the threshold: [9.0 (22/11/26 10:04:00), 9.0 (22/11/26 10:03:00), 9.0 (22/11/26 10:02:00), 9.0 (22/11/26 10:01:00), 9.0 (22/11/26 10:00:00)] (minimum 5 datapoints for OK -> ALARM transition).",
    ],
    [
      { treatMissing: "breaching" },
      "- - - - -",
      "Threshold Crossed: no datapoints were received for 3 periods and 3 missing datapoints were treated as [Breaching].",
    ],
    [
      { evaluationPeriods: 1, datapointsToAlarm: 1, treatMissing: "notBreaching" },
      "- - -",
      "Threshold Crossed: no datapoints were received for 1 period and 1 missing datapoint was treated as [NonBreaching].",
    ],
    [{}, "- - - - -", "Insufficient Data: 3 datapoints were unknown."],
    [{ evaluationPeriods: 1, datapointsToAlarm: 1 }, "- - -", "Insufficient Data: 1 datapoint was unknown."],
  ])("%o %s", (rule, text, reason) => {
    expect(evaluateAlarm({ ...RULE, ...rule }, range(text), NOW)?.reason).toBe(reason);
  });

  test("for programs", () => {
    const rule = { ...RULE, evaluationPeriods: 2, datapointsToAlarm: 2, unit: "Percent" };
    expect(JSON.parse(evaluateAlarm(rule, range("- - 0 X", 4), NOW)?.reasonData ?? "")).toEqual({
      version: "1.0",
      queryDate: "2026-11-22T10:05:03.000+0000",
      startDate: "2026-11-22T10:03:00.000+0000",
      unit: "Percent",
      statistic: "Average",
      period: 60,
      recentDatapoints: [1, 9],
      threshold: 5,
      evaluatedDatapoints: [
        { timestamp: "2026-11-22T10:04:00.000+0000", sampleCount: 4, value: 9 },
        { timestamp: "2026-11-22T10:03:00.000+0000", sampleCount: 4, value: 1 },
      ],
    });
  });
});

test("an alarm on thousands of periods says no more than one on a hundred", () => {
  const rule = { ...RULE, evaluationPeriods: 8640, datapointsToAlarm: 1 };
  const found = evaluateAlarm(rule, range(Array(8640).fill("X").join(" ")), NOW);
  expect(found?.reason.length).toBeLessThan(500);
  expect(found?.reasonData?.length).toBeLessThan(10_000);
});

test("percentiles of few values keep the state where the alarm asks for it", () => {
  expect(significantSamples(50)).toBe(20);
  expect(significantSamples(90)).toBeCloseTo(100);
  expect(significantSamples(10)).toBe(100);
  const rule = { ...RULE, evaluationPeriods: 1, datapointsToAlarm: 1, leastSamples: 20 };
  expect(evaluateAlarm(rule, range("- - X", 19), NOW)).toBeUndefined();
  expect(evaluateAlarm(rule, range("- - X", 20), NOW)?.state).toBe("ALARM");
});
