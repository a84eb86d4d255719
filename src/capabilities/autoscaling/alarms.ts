/** CloudWatch as scaling uses it: its alarms as the store has them, its operations as any client calls them. */
import type * as sdk from "@aws-sdk/client-cloudwatch";
import type { Clock } from "../../base/clock.ts";
import type { ResourceStore } from "../../state/store.ts";
import { ALARM, type Alarm } from "../cloudwatch/kinds.ts";
import type { AlarmPort } from "./ports.ts";

/** The operations that are called. */
export interface CloudWatchCalls {
  PutMetricAlarm(input: sdk.PutMetricAlarmInput): Promise<unknown>;
  DeleteAlarms(input: sdk.DeleteAlarmsInput): Promise<unknown>;
  GetMetricData(input: sdk.GetMetricDataInput): Promise<Pick<sdk.GetMetricDataOutput, "MetricDataResults">>;
}

const PAGE = 100;

export function alarmsOfCloudWatch(store: ResourceStore, clock: Clock, calls: CloudWatchCalls): AlarmPort {
  async function naming(policyArn: string): Promise<Alarm[]> {
    const found: Alarm[] = [];
    let token: string | undefined;
    do {
      const page = await store.list(ALARM, { sortBy: "Name", descending: false, limit: PAGE, token });
      found.push(...page.items.filter(({ spec }) => spec.AlarmActions?.includes(policyArn)));
      token = page.next;
    } while (token !== undefined);
    return found;
  }

  return {
    put: async (alarm) => void (await calls.PutMetricAlarm(alarm)),
    async delete(names) {
      if (names.length > 0) await calls.DeleteAlarms({ AlarmNames: [...names] });
    },
    naming: async (policyArn) => (await naming(policyArn)).map(({ name }) => name),
    async firing(policyArn) {
      const alarms = await naming(policyArn);
      return alarms.flatMap(({ spec, status }) =>
        spec.type === "metric" && spec.ActionsEnabled !== false && status.state === "ALARM" ? [spec] : [],
      );
    },
    async lastValue(alarm) {
      const { MetricName, Namespace, Dimensions, Unit, Statistic, ExtendedStatistic, Metrics } = alarm;
      const period = alarm.Period ?? longest(Metrics ?? []);
      const stat = {
        Metric: { MetricName, Namespace, Dimensions },
        Period: period,
        Stat: Statistic ?? ExtendedStatistic,
      };
      // a period that has not ended says too little
      const end = Math.floor(clock.now() / 1000 / period) * period;
      const { MetricDataResults: results = [] } = await calls.GetMetricData({
        MetricDataQueries: Metrics ?? [{ Id: "m", MetricStat: { ...stat, Unit } }],
        StartTime: new Date((end - period * (alarm.EvaluationPeriods ?? 1)) * 1000),
        EndTime: new Date(end * 1000),
        ScanBy: "TimestampDescending",
      });
      return results[0]?.Values?.[0];
    },
  };
}

const longest = (queries: readonly sdk.MetricDataQuery[]) =>
  Math.max(60, ...queries.map(({ Period, MetricStat }) => Period ?? MetricStat?.Period ?? 0));
