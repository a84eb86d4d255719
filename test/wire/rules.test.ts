import { spawnSync } from "node:child_process";
import * as autoscaling from "@aws-sdk/client-application-auto-scaling";
import * as cloudwatch from "@aws-sdk/client-cloudwatch";
import * as logs from "@aws-sdk/client-cloudwatch-logs";
import * as events from "@aws-sdk/client-eventbridge";
import * as s3 from "@aws-sdk/client-s3";
import * as sagemaker from "@aws-sdk/client-sagemaker";
import { describe, expect, test } from "vitest";
import type { Constraint } from "../../src/wire/constraint.ts";
import {
  autoscalingRules,
  cloudWatchRules,
  eventsRules,
  IAM_RULES,
  logsRules,
  RUNTIME_RULES,
  s3Rules,
  sagemakerRules,
  SNS_RULES,
  STS_RULES,
} from "../../src/wire/rules.ts";
import type { Rules } from "../../src/wire/validate.ts";

/** Prints every constrained member of the operations' inputs, as `[structure, member, type, constraint]`. */
const READ_MODEL = `
import json, sys, botocore.loaders
model = botocore.loaders.Loader().load_service_model(sys.argv[1], "service-2")
shapes, found, seen = model["shapes"], [], set()
def own(name):
    shape = shapes[name]
    out = {k: shape[k] for k in ("min", "max", "pattern", "enum") if k in shape}
    if shape["type"] == "list" and shapes[shape["member"]["shape"]]["type"] == "string": out["each"] = own(shape["member"]["shape"])
    if shape["type"] == "map": out["keys"], out["each"] = own(shape["key"]["shape"]), own(shape["value"]["shape"])
    return {k: v for k, v in out.items() if v != {}}
def walk(name):
    if name in seen: return
    seen.add(name)
    shape = shapes[name]
    for member, ref in shape.get("members", {}).items():
        if own(ref["shape"]): found.append([name, member, shapes[ref["shape"]]["type"], own(ref["shape"])])
        walk(ref["shape"])
    for part in ("member", "value"):
        if part in shape: walk(shape[part]["shape"])
for operation in sys.argv[2:] or model["operations"]:
    if "input" in model["operations"][operation]: walk(model["operations"][operation]["input"]["shape"])
print(json.dumps(found))
`;

type Row = [structure: string, member: string, type: string, model: Model];
interface Model {
  min?: number;
  max?: number;
  pattern?: string;
  enum?: string[];
  each?: Model;
  keys?: Model;
}

function model(service: string, operations: readonly string[]): Row[] {
  const { stdout, stderr, status } = spawnSync("python3", ["-c", READ_MODEL, service, ...operations], {
    encoding: "utf8",
    maxBuffer: 1 << 26,
  });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as Row[];
}

const hasBotocore = spawnSync("python3", ["-c", "import botocore"]).status === 0;
const inBotocore = hasBotocore ? "as botocore has it" : "skipped: python3 has no botocore";

const HOSTING = `
  CreateModel DescribeModel ListModels DeleteModel AddTags ListTags DeleteTags
  CreateEndpointConfig DescribeEndpointConfig ListEndpointConfigs DeleteEndpointConfig
  CreateEndpoint DescribeEndpoint ListEndpoints UpdateEndpoint DeleteEndpoint UpdateEndpointWeightsAndCapacities
  CreateTransformJob DescribeTransformJob ListTransformJobs StopTransformJob`
  .trim()
  .split(/\s+/);
const METRICS_AND_ALARMS = `
  PutMetricData GetMetricData GetMetricStatistics ListMetrics
  PutMetricAlarm PutCompositeAlarm DescribeAlarms DescribeAlarmsForMetric DescribeAlarmHistory
  SetAlarmState EnableAlarmActions DisableAlarmActions DeleteAlarms
  TagResource UntagResource ListTagsForResource`
  .trim()
  .split(/\s+/);
const LOGS = `
  CreateLogGroup DescribeLogGroups DeleteLogGroup CreateLogStream DescribeLogStreams DeleteLogStream
  PutLogEvents GetLogEvents FilterLogEvents PutRetentionPolicy DeleteRetentionPolicy StartLiveTail
  TagResource UntagResource ListTagsForResource TagLogGroup UntagLogGroup ListTagsLogGroup`
  .trim()
  .split(/\s+/);
const EVENTS = `
  PutRule DescribeRule ListRules ListRuleNamesByTarget EnableRule DisableRule DeleteRule
  PutTargets RemoveTargets ListTargetsByRule PutEvents TestEventPattern
  CreateConnection DescribeConnection ListConnections DeleteConnection
  CreateApiDestination UpdateApiDestination DescribeApiDestination ListApiDestinations DeleteApiDestination
  TagResource UntagResource ListTagsForResource`
  .trim()
  .split(/\s+/);
/** Patterns of the model that backtrack without end, and those that match the same texts in one way. */
const SAFER: Readonly<Record<string, string>> = {
  [String.raw`^[ \t]*[^\x00-\x1F:\x7F]+([ \t]+[^\x00-\x1F:\x7F]+)*[ \t]*$`]: String.raw`^\t*[^\x00-\x1F:\x7F][^\x00-\x08\x0A-\x1F:\x7F]*$`,
  [String.raw`^[ \t]*[\x20-\x7E]+([ \t]+[\x20-\x7E]+)*[ \t]*$`]: String.raw`^\t*[\x20-\x7E][\t\x20-\x7E]*$`,
};
const TABLES: [string, readonly string[], Rules][] = [
  ["application-autoscaling", [], autoscalingRules(autoscaling)],
  ["sagemaker", HOSTING, sagemakerRules(sagemaker)],
  ["sagemaker-runtime", [], RUNTIME_RULES],
  ["sts", ["GetCallerIdentity", "AssumeRole"], STS_RULES],
  [
    "sns",
    ["CreateTopic", "Subscribe", "Publish", "TagResource", "UntagResource", "ListTagsForResource"],
    SNS_RULES,
  ],
  ["iam", ["GetRole", "CreateRole", "DeleteRole", "ListRoles"], IAM_RULES],
  ["logs", LOGS, logsRules(logs)],
  ["events", EVENTS, eventsRules(events)],
  ["cloudwatch", METRICS_AND_ALARMS, cloudWatchRules(cloudwatch)],
];

/** One constraint in the form of the model; a minimum of 0 says nothing. */
function plain({ min, max, pattern, values, each, keys }: Constraint): Model {
  return {
    ...(min && { min }),
    ...(max !== undefined && { max }),
    ...(pattern !== undefined && { pattern }),
    ...(values && { enum: [...values] }),
    ...(each && { each: plain(each) }),
    ...(keys && { keys: plain(keys) }),
  };
}

/** The model's, less the enum values that this SDK knows too: it may be newer than botocore, and older. */
function comparable(one: Model, other: Model): Model {
  const { min, enum: values, each, keys, pattern, ...rest } = one;
  const shared = values?.filter((value) => other.enum?.includes(value)).sort();
  return {
    ...rest,
    ...(pattern !== undefined && { pattern: SAFER[pattern] ?? pattern }),
    ...(min && { min }),
    ...(shared && { enum: shared }),
    ...(each && { each: comparable(each, other.each ?? {}) }),
    ...(keys && { keys: comparable(keys, other.keys ?? {}) }),
  };
}

describe.skipIf(!hasBotocore)(`the rules are ${inBotocore}`, () => {
  test.each(TABLES)("%s", (service, operations, rules) => {
    const rows = model(service, operations).filter(
      ([, member, type]) => !(type === "blob" && member === "Body"),
    );
    expect(rows.length).toBeGreaterThan(5);
    const wrong: string[] = [];
    const used = new Set<string>();
    for (const [structure, member, type, expected] of rows) {
      const key = [`${structure}.${member}`, member].find((one) => Object.hasOwn(rules, one));
      const name = `${structure}.${member}`;
      if (!key) {
        wrong.push(`${name} has no rule for ${JSON.stringify(expected).slice(0, 200)}`);
        continue;
      }
      used.add(key);
      const rule = rules[key] ?? {};
      const [have, want] = [comparable(plain(rule), expected), comparable(expected, plain(rule))];
      if (JSON.stringify(sorted(have)) !== JSON.stringify(sorted(want)))
        wrong.push(`${name}: ${JSON.stringify(have)} should be ${JSON.stringify(want)}`);
      if (expected.enum && !have.enum?.length) wrong.push(`${name}: no value in common`);
      if (
        ["integer", "long"].includes(type) !== (rule.whole ?? false) &&
        type !== "string" &&
        type !== "list" &&
        type !== "map"
      )
        wrong.push(`${name} is of type ${type}`);
    }
    expect(wrong).toEqual([]);
    expect(Object.keys(rules).filter((key) => !used.has(key))).toEqual([]);
  });
});

const sorted = (value: Model): unknown =>
  Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => a.localeCompare(b))
      .map(([key, item]) => [
        key,
        typeof item === "object" && !Array.isArray(item) ? sorted(item as Model) : item,
      ]),
  );

test("every pattern compiles", async () => {
  const { broken } = await import("../../src/wire/constraint.ts");
  for (const rules of [...TABLES.map(([, , table]) => table), s3Rules(s3)])
    for (const constraint of Object.values(rules)) expect(() => broken(constraint, "x")).not.toThrow();
});
