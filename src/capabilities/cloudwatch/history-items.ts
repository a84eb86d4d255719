/** What the history of an alarm says, in CloudWatch's words. */
import type { HistoryItem } from "./alarm-history.ts";
import type { Alarm, AlarmTransition, Verdict } from "./kinds.ts";

const about = ({ name, spec }: Pick<Alarm, "name" | "spec">) => ({
  alarm: name,
  alarmType: spec.type === "metric" ? ("MetricAlarm" as const) : ("CompositeAlarm" as const),
});

/** Which transition of which alarm: what is told of it once is not told again. */
const keyOf = ({ uid }: Alarm, { serial }: AlarmTransition) => `${uid}:${serial}`;

export function stateItem(alarm: Alarm, transition: AlarmTransition): HistoryItem {
  const { from, to, at } = transition;
  return {
    ...about(alarm),
    key: `${keyOf(alarm, transition)}:state`,
    at,
    itemType: "StateUpdate",
    summary: `Alarm updated from ${from.state} to ${to.state}`,
    data: JSON.stringify({ version: "1.0", oldState: stateOf(from), newState: stateOf(to) }),
  };
}

function stateOf({ state, reason, reasonData }: Verdict) {
  const data = reasonData === undefined ? {} : { stateReasonData: parsed(reasonData) };
  return { stateValue: state, stateReason: reason, ...data };
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return json;
  }
}

export const actionKey = (alarm: Alarm, transition: AlarmTransition, arn: string) =>
  `${keyOf(alarm, transition)}:action:${arn}`;

/** `failure` is why the action could not be carried out. */
export function actionItem(
  alarm: Alarm,
  transition: AlarmTransition,
  arn: string,
  at: number,
  failure?: string,
): HistoryItem {
  const done = failure === undefined;
  return {
    ...about(alarm),
    key: actionKey(alarm, transition, arn),
    at,
    itemType: "Action",
    summary: done
      ? `Successfully executed action ${arn}`
      : `Failed to execute action ${arn}. Received error: "${failure}"`,
    data: JSON.stringify({
      actionState: done ? "Succeeded" : "Failed",
      stateUpdateTimestamp: transition.at,
      notificationResource: arn,
      ...(!done && { error: failure }),
    }),
  };
}

/** An alarm was made, written over or removed. `alarm` is as it is then. */
export function configurationItem(
  kind: "created" | "updated" | "deleted",
  alarm: Pick<Alarm, "name" | "spec" | "uid" | "generation">,
  at: number,
): HistoryItem {
  const { type: _, ...configuration } = alarm.spec;
  const types = { created: "Create", updated: "Update", deleted: "Delete" };
  return {
    ...about(alarm),
    key: `${alarm.uid}:${alarm.generation}:${kind}`,
    at,
    itemType: "ConfigurationUpdate",
    summary: `Alarm "${alarm.name}" ${kind}`,
    data: JSON.stringify({ version: "1.0", type: types[kind], [`${kind}Alarm`]: configuration }),
  };
}
