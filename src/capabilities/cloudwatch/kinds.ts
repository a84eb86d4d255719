import type { PutCompositeAlarmInput, PutMetricAlarmInput } from "@aws-sdk/client-cloudwatch";
import { defineKind, type Resource } from "../../state/resource.ts";
import type { ResourceStore } from "../../state/store.ts";

export type AlarmState = "OK" | "ALARM" | "INSUFFICIENT_DATA";

/** What was asked for, as it was asked for: a metric alarm or a composite one. They share one space of names. */
export type AlarmSpec =
  | ({ readonly type: "metric" } & Omit<PutMetricAlarmInput, "Tags">)
  | ({ readonly type: "composite" } & Omit<PutCompositeAlarmInput, "Tags">);

/** What a state is, and why. */
export interface Verdict {
  readonly state: AlarmState;
  readonly reason: string;
  /** JSON. */
  readonly reasonData?: string | undefined;
}

/** A change of state whose actions are still to be carried out. */
export interface AlarmTransition {
  readonly from: Verdict;
  readonly to: Verdict;
  readonly at: number;
  /** The version of the alarm that it changed: no two transitions of an alarm have the same. */
  readonly serial: number;
}

export interface AlarmStatus extends Verdict {
  /** When the configuration was last written. */
  readonly configuredAt: number;
  /** When the state was last told, and when it last changed. */
  readonly updatedAt: number;
  readonly transitionedAt: number;
  /** When it last ceased to be in ALARM. */
  readonly leftAlarmAt?: number;
  /** The oldest first. */
  readonly transitions?: readonly AlarmTransition[];
  /** Why the actions of a composite alarm wait. */
  readonly suppressedBy?: "Alarm" | "WaitPeriod" | "ExtensionPeriod";
  /** SetAlarmState on a composite alarm: it stays so while its children are as they were (`fingerprint`). */
  readonly setWhile?: string;
}

export type Alarm = Resource<AlarmSpec, AlarmStatus>;

/** An alarm of CloudWatch. */
export const ALARM = defineKind<AlarmSpec, AlarmStatus>({
  name: "alarm",
  arrows: {
    OK: ["ALARM", "INSUFFICIENT_DATA"],
    ALARM: ["OK", "INSUFFICIENT_DATA"],
    INSUFFICIENT_DATA: ["OK", "ALARM"],
  },
});

/** The state of an alarm, for those who decide by it; undefined where there is no such alarm. */
export async function alarmStateOf(store: ResourceStore, name: string): Promise<AlarmState | undefined> {
  return (await store.get(ALARM, name))?.status.state;
}
