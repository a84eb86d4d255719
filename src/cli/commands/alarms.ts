import type { CompositeAlarm, MetricAlarm, StateValue } from "@aws-sdk/client-cloudwatch";
import { AwsClients } from "../aws-clients.ts";
import { type Command, text } from "../command.ts";
import { connect } from "../connect.ts";
import { age } from "../quantities.ts";
import { printable, table } from "../table.ts";

const COLOURS = { ALARM: "red", OK: "green", INSUFFICIENT_DATA: "yellow" } as const;
const SIGNS: Readonly<Record<string, string>> = {
  GreaterThanThreshold: ">",
  GreaterThanOrEqualToThreshold: ">=",
  LessThanThreshold: "<",
  LessThanOrEqualToThreshold: "<=",
};

export const alarms: Command = {
  name: "alarms",
  summary: "list alarms: their state, what they watch, and why they are in that state",
  options: [
    {
      flags: "--state <state>",
      summary: "only those in this state",
      choices: ["OK", "ALARM", "INSUFFICIENT_DATA"],
    },
  ],
  async run(call) {
    const { terminal, signal } = call;
    const { sdk, client } = await new AwsClients(await connect(call)).cloudwatch();
    const StateValue = text(call.options["state"]) as StateValue | undefined;
    const found: (MetricAlarm | CompositeAlarm)[] = [];
    const pages = sdk.paginateDescribeAlarms(
      { client },
      { AlarmTypes: ["MetricAlarm", "CompositeAlarm"], ...(StateValue && { StateValue }) },
      { abortSignal: signal },
    );
    for await (const page of pages) found.push(...(page.MetricAlarms ?? []), ...(page.CompositeAlarms ?? []));
    const now = Date.now();
    terminal.result({ alarms: found }, () =>
      table(
        ["ALARM", "STATE", "SINCE", "WATCHES", "THRESHOLD", "REASON"],
        found.map((one) => [
          printable(one.AlarmName ?? ""),
          one.StateValue ? terminal.style(COLOURS[one.StateValue], one.StateValue) : "",
          age(one.StateTransitionedTimestamp ?? one.StateUpdatedTimestamp, now),
          printable(watched(one)),
          threshold(one),
          printable(one.StateReason ?? ""),
        ]),
      ),
    );
  },
};

/** What an alarm looks at, in a few words: a metric and its dimensions, math over metrics, or a rule over alarms. */
function watched(alarm: MetricAlarm & CompositeAlarm): string {
  if (alarm.AlarmRule !== undefined) return alarm.AlarmRule;
  const math = alarm.Metrics?.find((one) => one.ReturnData !== false) ?? alarm.Metrics?.[0];
  const metric = math?.MetricStat?.Metric ?? alarm;
  if (math?.Expression !== undefined) return math.Expression;
  const stat = math?.MetricStat?.Stat ?? alarm.Statistic ?? alarm.ExtendedStatistic ?? "";
  const dimensions = (metric.Dimensions ?? []).map(({ Name, Value }) => `${Name}=${Value}`).join(",");
  return `${stat} ${metric.Namespace}/${metric.MetricName}${dimensions && ` ${dimensions}`}`;
}

/** `> 100, 2 of 3 x 60 s`; a composite alarm has none. */
function threshold(alarm: MetricAlarm): string {
  if (alarm.Threshold === undefined) return "";
  const sign = SIGNS[alarm.ComparisonOperator ?? ""] ?? alarm.ComparisonOperator;
  const n = alarm.EvaluationPeriods ?? 1;
  const period = alarm.Period ?? alarm.Metrics?.map((m) => m.MetricStat?.Period ?? m.Period).find(Boolean);
  return `${sign} ${alarm.Threshold}, ${alarm.DatapointsToAlarm ?? n} of ${n}${period ? ` x ${period} s` : ""}`;
}
