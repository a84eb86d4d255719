import { expect, test } from "vitest";
import { childrenOf, holds, parseRule } from "../../../src/capabilities/cloudwatch/alarm-rule.ts";
import { alarmName } from "../../../src/capabilities/cloudwatch/judge-composite.ts";
import type { AlarmState } from "../../../src/capabilities/cloudwatch/kinds.ts";

const states: Record<string, AlarmState> = {
  red: "ALARM",
  green: "OK",
  grey: "INSUFFICIENT_DATA",
  "with (all) OR spaces": "ALARM",
};
const evaluate = (text: string) => holds(parseRule(text, alarmName), (name) => states[name]);

test.each([
  ["ALARM(red)", true],
  ['ALARM("red")', true],
  ["ALARM( red )", true],
  ['ALARM( "with (all) OR spaces" )', true],
  ["ALARM(arn:aws:cloudwatch:us-east-1:000000000000:alarm:red)", true],
  ["OK(red)", false],
  ["OK(green)", true],
  ["INSUFFICIENT_DATA(grey)", true],
  ["ALARM(gone) OR OK(gone) OR INSUFFICIENT_DATA(gone)", false],
  ["NOT ALARM(gone)", true],
  ["TRUE", true],
  ["false", false],
  ["FALSE OR TRUE AND FALSE", false],
  ["(FALSE OR TRUE) AND TRUE", true],
  ["TRUE OR FALSE AND FALSE", true],
  ["NOT FALSE AND NOT NOT TRUE", true],
  ["(ALARM(red) OR ALARM(green))\n AND OK(green)", true],
])("%s is %s", (text, wanted) => {
  expect(evaluate(text)).toBe(wanted);
});

test("the children of a rule, each once", () => {
  const rule = parseRule('ALARM(a) AND NOT (OK("b") OR ALARM(a)) OR TRUE', alarmName);
  expect(childrenOf(rule)).toEqual(["a", "b"]);
});

test.each([
  ["", "it ends too early"],
  ["ALARM(a) AND", "it ends too early"],
  ["ALARM(a) ALARM(b)", "it is not understood at character 10: 'ALARM(b)'"],
  ["ALARM()", "ALARM names no alarm at character 1"],
  ["(ALARM(a)", "it ends too early"],
  ["ALARM(a))", "it is not understood at character 9: ')'"],
  ["RED(a)", "it is not understood at character 1: 'RED(a)'"],
  ["ALARM(a", "it is not understood at character 1: 'ALARM(a'"],
  ["(".repeat(200) + "TRUE" + ")".repeat(200), "it is nested more than 100 levels deep"],
  [Array(501).fill("TRUE").join(" OR "), "it has more than 500 elements"],
  [
    Array.from({ length: 101 }, (_, index) => `OK(a${index})`).join(" OR "),
    "a rule can refer to up to 100 alarms",
  ],
])("'%s' is refused", (text, message) => {
  expect(() => parseRule(text, alarmName)).toThrow(expect.objectContaining({ name: "RuleError", message }));
});
