import type { Target } from "@aws-sdk/client-eventbridge";
import { expect, test } from "vitest";
import type { BusEvent } from "../../../src/capabilities/events/bus-event.ts";
import { badInput, inputFor, InputTooLong } from "../../../src/capabilities/events/target-input.ts";

const event: BusEvent = {
  version: "0",
  id: "1",
  "detail-type": "order",
  source: "shop",
  account: "000000000000",
  time: "2026-01-01T00:00:00Z",
  region: "us-east-1",
  resources: ["arn:a", "arn:b"],
  detail: { n: 2, who: 'J "x" D', list: [{ a: 1 }], "odd key": true },
};
const facts = { ruleArn: "arn:rule", ruleName: "rule", ingestedAt: Date.UTC(2026, 0, 1) };
const input = (target: Partial<Target>) => inputFor({ Id: "t", Arn: "a", ...target }, event, facts);
const template = (InputTemplate: string, InputPathsMap: Record<string, string> = {}) =>
  input({ InputTransformer: { InputTemplate, InputPathsMap } });

test.each([
  ["$.detail.n", "2"],
  ["$", JSON.stringify(event)],
  ["$.detail.list[0].a", "1"],
  ["$.detail['odd key']", "true"],
  ["$.resources", '["arn:a","arn:b"]'],
  ["$.detail.none", "null"],
  ["$.detail.constructor", "null"],
])("the part at %s", (InputPath, wanted) => {
  expect(badInput({ Id: "t", Arn: "a", InputPath })).toBeUndefined();
  expect(input({ InputPath })).toBe(wanted);
});

test.each([
  ['{"n": <n>, "who": <who>, "text": "<n> of <who>"}', { n: 2, who: 'J "x" D', text: '2 of J "x" D' }],
  ['"by <who> \\"<n>\\""', 'by J "x" D "2"'],
  ['{"list": <list>, "none": <none>}', { list: [{ a: 1 }], none: null }],
  [
    '{"rule": <aws.events.rule-name>, "at": "<aws.events.event.ingestion-time>"}',
    { rule: "rule", at: "2026-01-01T00:00:00.000Z" },
  ],
  ["<aws.events.event.json>", event],
])("%s", (text, wanted) => {
  const paths = { n: "$.detail.n", who: "$.detail.who", list: "$.detail.list", none: "$.detail.none" };
  expect(JSON.parse(template(text, paths))).toEqual(wanted);
});

test("a text that is no JSON has values as they are", () => {
  expect(template("<n> by <who>, 1 < 2", { n: "$.detail.n", who: "$.detail.who" })).toBe(
    '2 by J "x" D, 1 < 2',
  );
});

test("a small template does not make a huge text of an event", () => {
  const big = { ...event, detail: { text: "x".repeat(200_000) } };
  const InputTransformer = { InputPathsMap: { t: "$.detail" }, InputTemplate: "<t>".repeat(2000) };
  expect(() => inputFor({ Id: "t", Arn: "a", InputTransformer }, big, facts)).toThrow(InputTooLong);
});

test.each([
  [{ Input: "{}", InputPath: "$" }, "Only one of"],
  [{ Input: "{" }, "JSON is not valid"],
  [{ InputPath: "$.a[*]" }, "Invalid JSON path"],
  [{ InputTransformer: { InputTemplate: "<x>" } }, "Invalid variable names: x"],
  [{ InputTransformer: { InputTemplate: '{"a": }' } }, "JSON is not valid"],
  [{ InputTransformer: { InputTemplate: "x", InputPathsMap: { "aws.x": "$" } } }, "reserved"],
])("%j is refused: %s", (target, why) => {
  expect(badInput({ Id: "t", Arn: "a", ...target })?.why).toContain(why);
});
