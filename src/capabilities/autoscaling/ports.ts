import type { MetricAlarm, PutMetricAlarmInput } from "@aws-sdk/client-cloudwatch";
import type { Account } from "../../base/arn.ts";
import type { Clock } from "../../base/clock.ts";
import type { Log } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import type { ResourceStore } from "../../state/store.ts";

/** What autoscaling asks of the other capabilities, through their API as any client would. */
export interface AutoscalingPorts {
  readonly account: Account;
  readonly store: ResourceStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly alarms: AlarmPort;
  /** UpdateEndpointWeightsAndCapacities of one variant. Rejects as that does, while the endpoint is being updated say. */
  readonly setCapacity: (
    endpoint: string,
    variant: string,
    capacity: { readonly instanceCount: number } | { readonly provisionedConcurrency: number },
  ) => Promise<void>;
}

/** CloudWatch, as far as scaling needs it. */
export interface AlarmPort {
  /** PutMetricAlarm */
  put(alarm: PutMetricAlarmInput): Promise<void>;
  /** DeleteAlarms; those that are not there are no error. */
  delete(names: readonly string[]): Promise<void>;
  /** The alarms that are on, may act, and name this policy as what is to be done. */
  firing(policyArn: string): Promise<readonly MetricAlarm[]>;
  /** The names of all alarms that name this policy. */
  naming(policyArn: string): Promise<readonly string[]>;
  /** The last value of what an alarm watches, if there is any in the periods that it looks at. */
  lastValue(alarm: MetricAlarm): Promise<number | undefined>;
}
