/** What is done to alarms that exist: their state set, their actions switched, their history read; and their end. */
import type * as sdk from "@aws-sdk/client-cloudwatch";
import type { Context } from "../../wire/context.ts";
import { Fault } from "../../wire/http.ts";
import type { Handlers } from "../../wire/service.ts";
import type { HistoryPosition } from "./alarm-history.ts";
import type { AlarmOperationPorts } from "./alarm-ports.ts";
import { childrenOf } from "./alarm-rule.ts";
import { alarmsNamed, everyAlarm } from "./every-alarm.ts";
import { CloudWatchError, invalid, invalidToken } from "./faults.ts";
import { configurationItem } from "./history-items.ts";
import { fingerprint, ruleOf, watchedBy } from "./judge-composite.ts";
import { ALARM } from "./kinds.ts";
import { afterVerdict, changeAlarm, MOST_WAITING } from "./transition.ts";

const HISTORY_PAGE = 100;

type AlarmOperations = Pick<
  Handlers<typeof sdk, Context>,
  "SetAlarmState" | "EnableAlarmActions" | "DisableAlarmActions" | "DeleteAlarms" | "DescribeAlarmHistory"
>;

export function alarmOperations(ports: AlarmOperationPorts): AlarmOperations {
  const { store, history, clock } = ports;
  const switchActions = async (names: readonly string[], enabled: boolean) => {
    for (const name of names)
      await changeAlarm(store, name, async (alarm) => {
        if ((alarm.spec.ActionsEnabled ?? true) === enabled) return;
        const status = { ...alarm.status, configuredAt: clock.now() };
        const spec = { ...alarm.spec, ActionsEnabled: enabled };
        const saved = await store.update(ALARM, alarm, { spec, status });
        await history.add(configurationItem("updated", saved, clock.now()));
      });
    return {};
  };

  return {
    async SetAlarmState({ AlarmName, StateValue, StateReason, StateReasonData }) {
      if (StateReasonData !== undefined) checkJson(StateReasonData);
      const verdict = { state: StateValue, reason: StateReason, reasonData: StateReasonData };
      const found = await changeAlarm(store, AlarmName, async (alarm) => {
        // while actions can not be carried out, whoever tries an alarm out has to wait
        if ((alarm.status.transitions?.length ?? 0) >= MOST_WAITING && !alarm.status.suppressedBy)
          throw new Fault("Throttling", "Rate exceeded");
        const status = afterVerdict(alarm, verdict, clock.now());
        const held =
          alarm.spec.type === "composite"
            ? { setWhile: fingerprint(await alarmsNamed(store, childrenOf(ruleOf(alarm.spec)))) }
            : {};
        await store.update(ALARM, alarm, { status: { ...status, ...held }, reason: StateReason });
      });
      if (!found)
        throw new CloudWatchError("ResourceNotFound", `There is no alarm with the name ${AlarmName}.`);
      return {};
    },

    EnableAlarmActions: ({ AlarmNames }) => switchActions(AlarmNames, true),
    DisableAlarmActions: ({ AlarmNames }) => switchActions(AlarmNames, false),

    async DeleteAlarms({ AlarmNames }) {
      const found = await alarmsNamed(store, [...new Set(AlarmNames)]);
      if (found.filter(({ spec }) => spec.type === "composite").length > 1)
        throw invalid("One request deletes up to one composite alarm.");
      const going = new Set(found.map(({ name }) => name));
      for await (const { name: parent, spec } of everyAlarm(store)) {
        if (spec.type !== "composite" || going.has(parent)) continue;
        const needed = watchedBy(spec);
        const child = found.find(({ name }) => needed.has(name));
        if (child)
          throw invalid(`Cannot delete ${child.name} as there are composite alarm(s) depending on it.`);
      }
      for (const { name } of found)
        await changeAlarm(store, name, async (alarm) => {
          await store.remove(ALARM, alarm);
          await history.add(configurationItem("deleted", alarm, clock.now()));
        });
      return {};
    },

    async DescribeAlarmHistory(input) {
      const { MaxRecords = HISTORY_PAGE, NextToken, StartDate, EndDate } = input;
      const found = history.list({
        alarm: input.AlarmName,
        alarmTypes: input.AlarmTypes ?? ["MetricAlarm"],
        itemType: input.HistoryItemType,
        from: StartDate?.getTime() ?? 0,
        to: EndDate?.getTime() ?? Number.MAX_SAFE_INTEGER,
        newestFirst: input.ScanBy !== "TimestampAscending",
        limit: MaxRecords + 1,
        after: NextToken === undefined ? undefined : positionOf(NextToken),
      });
      const page = found.slice(0, MaxRecords);
      const more = found.length > page.length && page.at(-1);
      return {
        AlarmHistoryItems: page.map((item) => ({
          AlarmName: item.alarm,
          AlarmType: item.alarmType,
          Timestamp: new Date(item.at),
          HistoryItemType: item.itemType,
          HistorySummary: item.summary,
          HistoryData: item.data,
        })),
        ...(more && { NextToken: Buffer.from(JSON.stringify(more.position)).toString("base64url") }),
      };
    },
  };
}

function checkJson(text: string): void {
  try {
    JSON.parse(text);
  } catch {
    throw new CloudWatchError("InvalidFormatFault", "The parameter StateReasonData must be valid JSON.");
  }
}

function positionOf(token: string): HistoryPosition {
  try {
    const [at, id] = JSON.parse(Buffer.from(token, "base64url").toString()) as HistoryPosition;
    if (Number.isSafeInteger(at) && Number.isSafeInteger(id)) return [at, id];
  } catch {
    // told below
  }
  throw invalidToken();
}
