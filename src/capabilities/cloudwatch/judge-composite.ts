/** The verdict on a composite alarm: a pure function of the alarms that its rule names. */
import { childrenOf, holds, parseRule, type Rule } from "./alarm-rule.ts";
import { longStamp, stamp } from "./alarm-times.ts";
import { UNCHECKED } from "./alarm-reason.ts";
import type { Alarm, AlarmSpec, Verdict } from "./kinds.ts";

export type CompositeAlarmSpec = Extract<AlarmSpec, { type: "composite" }>;

/** The name of an alarm that is given by its name or by its ARN. */
export function alarmName(reference: string): string {
  return /^arn:aws[a-z-]*:cloudwatch:[^:]*:[^:]*:alarm:(.+)$/.exec(reference)?.[1] ?? reference;
}

export function ruleOf({ AlarmRule }: CompositeAlarmSpec): Rule {
  return parseRule(AlarmRule ?? "", alarmName);
}

/** Every alarm whose changes a composite alarm has to hear of. */
export function watchedBy(spec: CompositeAlarmSpec): ReadonlySet<string> {
  const { ActionsSuppressor } = spec;
  const children = childrenOf(ruleOf(spec));
  return new Set(ActionsSuppressor === undefined ? children : [...children, alarmName(ActionsSuppressor)]);
}

/** What SetAlarmState is compared with: it lasts until a child changes. */
export function fingerprint(children: readonly Alarm[]): string {
  return JSON.stringify(children.map(({ uid, status }) => [uid, status.transitionedAt]));
}

/** What the rule makes of its children, and which of them made it so. */
export function judgeComposite(
  alarm: Alarm & { readonly spec: CompositeAlarmSpec },
  children: readonly Alarm[],
): Verdict {
  const states = new Map(children.map(({ name, status }) => [name, status.state]));
  const state = holds(ruleOf(alarm.spec), (name) => states.get(name)) ? "ALARM" : "OK";
  const latest = children.reduce<Alarm | undefined>(
    (last, child) => (last && last.status.transitionedAt > child.status.transitionedAt ? last : child),
    undefined,
  );
  const configured = latest === undefined || alarm.status.configuredAt >= latest.status.transitionedAt;
  if (!configured && latest)
    return {
      state,
      reason: `${latest.arn} transitioned to ${latest.status.state} at ${longStamp(latest.status.transitionedAt)}`,
      reasonData: triggeringAlarms([latest]),
    };
  const isNew = alarm.status.reason === UNCHECKED;
  return {
    state,
    reason: `${alarm.arn} was ${isNew ? "created and its" : "updated and its new"} alarm rule evaluates to ${state}`,
    reasonData: triggeringAlarms(children),
  };
}

function triggeringAlarms(alarms: readonly Alarm[]): string {
  return JSON.stringify({
    triggeringAlarms: alarms.map(({ arn, status }) => ({
      arn,
      state: { value: status.state, timestamp: stamp(status.transitionedAt) },
    })),
  });
}
