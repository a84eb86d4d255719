/** How the state of an alarm changes, whoever changes it: one write, in which all that is still to be done is kept. */
import { Conflict, type ResourceStore } from "../../state/store.ts";
import { ALARM, type Alarm, type AlarmStatus, type Verdict } from "./kinds.ts";

/** As many changes may wait for their actions. */
export const MOST_WAITING = 20;

/**
 * The status after a verdict. Of too many changes that wait, the first and the newest are kept: so many wait only while a
 * composite alarm is suppressed, and in the end only its first state counts then, and its last.
 */
export function afterVerdict({ status, version }: Alarm, verdict: Verdict, now: number): AlarmStatus {
  const { setWhile: _, ...rest } = status;
  const { state, reason, reasonData } = status;
  const { reasonData: _old, ...kept } = rest;
  const told: AlarmStatus = { ...kept, ...verdict, updatedAt: now };
  if (verdict.state === state) return told;
  const transition = { from: { state, reason, reasonData }, to: verdict, at: now, serial: version };
  const waiting = [...(status.transitions ?? []), transition];
  return {
    ...told,
    transitionedAt: now,
    ...(state === "ALARM" && { leftAlarmAt: now }),
    transitions: [...waiting.slice(0, 1), ...waiting.slice(1).slice(1 - MOST_WAITING)],
  };
}

/** Changes an alarm by name until no other write came between; undefined where there is none. */
export async function changeAlarm(
  store: ResourceStore,
  name: string,
  change: (alarm: Alarm) => Promise<unknown>,
): Promise<Alarm | undefined> {
  for (;;) {
    const alarm = await store.get(ALARM, name);
    if (!alarm) return undefined;
    try {
      await change(alarm);
      return alarm;
    } catch (error) {
      if (!(error instanceof Conflict)) throw error;
    }
  }
}
