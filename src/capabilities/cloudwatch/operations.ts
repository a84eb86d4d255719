/** The operations of CloudWatch that are built: one row per group, each in its own file. */
import type * as sdk from "@aws-sdk/client-cloudwatch";
import type { MetricReader, MetricStorage } from "../../telemetry/metrics.ts";
import type { Context } from "../../wire/context.ts";
import type { Handlers } from "../../wire/service.ts";
import { alarmOperations } from "./alarm-operations.ts";
import type { AlarmOperationPorts } from "./alarm-ports.ts";
import { describeAlarms } from "./describe-alarms.ts";
import { getMetricData } from "./get-metric-data.ts";
import { metricOperations } from "./metric-operations.ts";
import { putCompositeAlarm } from "./put-composite-alarm.ts";
import { putMetricAlarm } from "./put-metric-alarm.ts";
import { putMetricData } from "./put-metric-data.ts";
import { tagOperations } from "./tags.ts";

export function cloudWatchHandlers(
  metrics: MetricReader & MetricStorage,
  ports: AlarmOperationPorts,
): Handlers<typeof sdk, Context> {
  return {
    ...putMetricData(metrics, ports.clock),
    ...getMetricData(metrics, ports.clock),
    ...metricOperations(metrics, ports.clock),
    ...putMetricAlarm(ports),
    ...putCompositeAlarm(ports),
    ...describeAlarms(ports.store),
    ...alarmOperations(ports),
    ...tagOperations(ports.store),
  };
}
