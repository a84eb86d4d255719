/** Whether the actions of a composite alarm wait for its suppressor: a decision of times and states alone. */
import type { Alarm, AlarmStatus } from "./kinds.ts";

export interface Suppression {
  readonly by: NonNullable<AlarmStatus["suppressedBy"]>;
  /** When it ends by itself; undefined waits for the suppressor. */
  readonly until?: number;
}

/** Undefined lets the actions run. Seconds are those of ActionsSuppressorWaitPeriod and ...ExtensionPeriod. */
export function suppression(
  suppressor: Pick<Alarm, "status"> | undefined,
  changedAt: number,
  { waitSeconds, extensionSeconds }: { readonly waitSeconds: number; readonly extensionSeconds: number },
  now: number,
): Suppression | undefined {
  if (!suppressor) return undefined;
  const { state, leftAlarmAt } = suppressor.status;
  if (state === "ALARM") return { by: "Alarm" };
  const extended = leftAlarmAt === undefined ? 0 : leftAlarmAt + extensionSeconds * 1000;
  // only what changed while the suppressor was in ALARM, or in the time after, waits for the end of it
  if (leftAlarmAt !== undefined && changedAt < extended && now < extended)
    return { by: "ExtensionPeriod", until: extended };
  const waited = changedAt + waitSeconds * 1000;
  return now < waited && (leftAlarmAt ?? 0) < changedAt ? { by: "WaitPeriod", until: waited } : undefined;
}
