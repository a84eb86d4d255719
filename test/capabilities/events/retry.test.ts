import { expect, test } from "vitest";
import { retryAfter } from "../../../src/capabilities/events/retry.ts";

test("pauses double up to eight minutes, half of each by chance", () => {
  const pauses = [1, 2, 3, 9, 10, 100].map((failures) => retryAfter(undefined, failures, 0, 1));
  expect(pauses).toEqual([1, 2, 4, 256, 480, 480].map((seconds) => ({ retryMs: seconds * 1000 })));
  expect(retryAfter(undefined, 1, 0, 0)).toEqual({ retryMs: 500 });
});

test.each([
  [undefined, 185, 0, undefined],
  [undefined, 186, 0, "MaximumRetryAttempts"],
  [undefined, 1, 86_399_500, "MaximumEventAgeInSeconds"],
  [{ MaximumRetryAttempts: 0 }, 1, 0, "MaximumRetryAttempts"],
  [{ MaximumRetryAttempts: 3 }, 3, 0, undefined],
  [{ MaximumEventAgeInSeconds: 60 }, 1, 59_500, "MaximumEventAgeInSeconds"],
])("%j after %i attempts and %i ms: %s", (policy, failures, age, exhausted) => {
  expect(retryAfter(policy, failures, age, 1)).toMatchObject(exhausted ? { exhausted } : {});
  expect("retryMs" in retryAfter(policy, failures, age, 1)).toBe(exhausted === undefined);
});
