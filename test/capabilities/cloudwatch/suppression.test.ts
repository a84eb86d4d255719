import { expect, test } from "vitest";
import type { AlarmState, AlarmStatus } from "../../../src/capabilities/cloudwatch/kinds.ts";
import { suppression } from "../../../src/capabilities/cloudwatch/suppression.ts";

const at = (seconds: number) => seconds * 1000;

/** Waits 20 s for its suppressor, and 30 s after it. */
test.each<[string, AlarmState, number | undefined, number, number, string | undefined]>([
  // what, suppressor, it left ALARM at, composite changed at, now, suppressed by
  ["the suppressor is in ALARM", "ALARM", undefined, 100, 200, "Alarm"],
  ["it may still go there", "OK", undefined, 100, 119, "WaitPeriod"],
  ["it did not go there in time", "OK", undefined, 100, 120, undefined],
  ["it has just left", "OK", 110, 100, 139, "ExtensionPeriod"],
  ["it has left long enough", "OK", 110, 100, 140, undefined],
  ["a change in the time after", "OK", 110, 130, 139, "ExtensionPeriod"],
  ["a change that still waits then", "OK", 110, 130, 145, "WaitPeriod"],
  ["it left long before", "OK", 10, 100, 110, "WaitPeriod"],
  ["it left long before, and all waiting is over", "INSUFFICIENT_DATA", 10, 100, 121, undefined],
])("%s", (_what, state, left, changedAt, now, by) => {
  const status = { state, ...(left !== undefined && { leftAlarmAt: at(left) }) } as AlarmStatus;
  const found = suppression({ status }, at(changedAt), { waitSeconds: 20, extensionSeconds: 30 }, at(now));
  expect(found?.by).toBe(by);
  if (found?.until !== undefined) expect(found.until).toBeGreaterThan(at(now));
});

test("without a suppressor nothing waits", () => {
  expect(suppression(undefined, 0, { waitSeconds: 20, extensionSeconds: 30 }, 1)).toBeUndefined();
});
