/** DescribeAlarms and DescribeAlarmsForMetric. */
import type * as sdk from "@aws-sdk/client-cloudwatch";
import type { ResourceStore } from "../../state/store.ts";
import { metricKey } from "../../telemetry/metric.ts";
import type { Context } from "../../wire/context.ts";
import type { Handlers } from "../../wire/service.ts";
import { childrenOf } from "./alarm-rule.ts";
import { everyAlarm } from "./every-alarm.ts";
import { invalid, invalidToken } from "./faults.ts";
import { ruleOf } from "./judge-composite.ts";
import type { Alarm } from "./kinds.ts";
import { metricFrom } from "./metric-input.ts";

const PAGE = 50;

type DescribeOperations = Pick<Handlers<typeof sdk, Context>, "DescribeAlarms" | "DescribeAlarmsForMetric">;

export function describeAlarms(store: ResourceStore): DescribeOperations {
  return {
    async DescribeAlarms(input) {
      const matches = await filterOf(store, input);
      const { MaxRecords = PAGE, NextToken } = input;
      const after = NextToken === undefined ? undefined : nameOfToken(NextToken);
      const found: Alarm[] = [];
      for await (const alarm of everyAlarm(store)) {
        if ((after !== undefined && !comesAfter(alarm.name, after)) || !matches(alarm)) continue;
        found.push(alarm);
        if (found.length > MaxRecords) break;
      }
      const page = found.slice(0, MaxRecords);
      const last = page.at(-1);
      const more = found.length > page.length && last;
      return {
        MetricAlarms: page.flatMap((alarm) => metricAlarm(alarm) ?? []),
        CompositeAlarms: page.flatMap((alarm) => compositeAlarm(alarm) ?? []),
        ...(more && { NextToken: Buffer.from(last.name).toString("base64url") }),
      };
    },

    async DescribeAlarmsForMetric(input) {
      const { Namespace, MetricName, Dimensions, ...rest } = input;
      const wanted = metricKey(metricFrom(Namespace, MetricName, Dimensions, "", invalid));
      const MetricAlarms: sdk.MetricAlarm[] = [];
      for await (const { spec, ...alarm } of everyAlarm(store)) {
        if (spec.type !== "metric" || spec.Namespace === undefined || spec.MetricName === undefined) continue;
        const { Namespace: space, MetricName: name } = spec;
        if (metricKey(metricFrom(space, name, spec.Dimensions, "", invalid)) !== wanted) continue;
        const differs = (["Statistic", "ExtendedStatistic", "Period", "Unit"] as const).some(
          (member) => rest[member] !== undefined && rest[member] !== spec[member],
        );
        const shown = differs ? undefined : metricAlarm({ spec, ...alarm });
        if (shown) MetricAlarms.push(shown);
      }
      return { MetricAlarms };
    },
  };
}

async function filterOf(
  store: ResourceStore,
  input: sdk.DescribeAlarmsInput,
): Promise<(alarm: Alarm) => boolean> {
  const { AlarmNames, AlarmNamePrefix: prefix, StateValue, ActionPrefix } = input;
  const { ChildrenOfAlarmName: parent, ParentsOfAlarmName: child } = input;
  if (AlarmNames && prefix !== undefined)
    throw invalid("The parameters AlarmNames and AlarmNamePrefix must not be specified together.");
  const others = [AlarmNames, prefix, StateValue, ActionPrefix, input.AlarmTypes];
  const family = parent !== undefined || child !== undefined;
  if (
    family &&
    (others.some((other) => other !== undefined) || (parent !== undefined && child !== undefined))
  )
    throw invalid(
      "ChildrenOfAlarmName and ParentsOfAlarmName must be specified alone, beside MaxRecords and NextToken.",
    );
  const childrenOfAlarm = ({ spec }: Alarm) => (spec.type === "composite" ? childrenOf(ruleOf(spec)) : []);
  if (child !== undefined) return (alarm) => childrenOfAlarm(alarm).includes(child);
  if (parent !== undefined) {
    const names = new Set<string>();
    for await (const alarm of everyAlarm(store))
      if (alarm.name === parent) for (const name of childrenOfAlarm(alarm)) names.add(name);
    return ({ name }) => names.has(name);
  }
  const types = new Set((input.AlarmTypes ?? ["MetricAlarm"]).map((type): string => type));
  return ({ name, spec, status }) =>
    types.has(spec.type === "metric" ? "MetricAlarm" : "CompositeAlarm") &&
    (!AlarmNames?.length || AlarmNames.includes(name)) &&
    (prefix === undefined || name.startsWith(prefix)) &&
    (StateValue === undefined || status.state === StateValue) &&
    (ActionPrefix === undefined ||
      [spec.OKActions, spec.AlarmActions, spec.InsufficientDataActions].some((actions) =>
        actions?.some((action) => action.startsWith(ActionPrefix)),
      ));
}

/** In the order in which the store lists names: by their bytes. */
function comesAfter(name: string, after: string): boolean {
  return Buffer.compare(Buffer.from(name), Buffer.from(after)) > 0;
}

function nameOfToken(token: string): string {
  const name = Buffer.from(token, "base64url").toString();
  if (Buffer.from(name).toString("base64url") !== token) throw invalidToken();
  return name;
}

function common({ name, arn, spec, status }: Alarm) {
  const { type: _, ...asked } = spec;
  return {
    ...asked,
    AlarmName: name,
    AlarmArn: arn,
    ActionsEnabled: spec.ActionsEnabled ?? true,
    OKActions: spec.OKActions ?? [],
    AlarmActions: spec.AlarmActions ?? [],
    InsufficientDataActions: spec.InsufficientDataActions ?? [],
    AlarmConfigurationUpdatedTimestamp: new Date(status.configuredAt),
    StateValue: status.state,
    StateReason: status.reason,
    StateReasonData: status.reasonData,
    StateUpdatedTimestamp: new Date(status.updatedAt),
    StateTransitionedTimestamp: new Date(status.transitionedAt),
  };
}

function metricAlarm(alarm: Alarm): sdk.MetricAlarm | undefined {
  const { spec } = alarm;
  if (spec.type !== "metric") return undefined;
  return { ...common(alarm), ...(!spec.Metrics && { Dimensions: spec.Dimensions ?? [] }) };
}

function compositeAlarm(alarm: Alarm): sdk.CompositeAlarm | undefined {
  const { suppressedBy } = alarm.status;
  if (alarm.spec.type !== "composite") return undefined;
  return {
    ...common(alarm),
    ...(suppressedBy && {
      ActionsSuppressedBy: suppressedBy,
      ActionsSuppressedReason: SUPPRESSED[suppressedBy],
    }),
  };
}

const SUPPRESSED = {
  Alarm: "Actions suppressed by the alarm that is the actions suppressor",
  WaitPeriod: "Actions wait for the actions suppressor to go into ALARM",
  ExtensionPeriod: "Actions wait since the actions suppressor went out of ALARM",
} as const;
