import { expect, test } from "vitest";
import { acceptEvents } from "../../../src/capabilities/logs/accept-events.ts";

const NOW = Date.UTC(2026, 0, 20);
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const at = (...times: number[]) => times.map((time) => ({ timestamp: NOW + time, message: String(time) }));
const kept = (times: number[], retention?: number) => {
  const { accepted, rejected } = acceptEvents(at(...times), NOW, retention);
  return [accepted.map(({ time }) => time - NOW), rejected];
};

test("what is too old, expired or too new is left out and told, by its place", () => {
  expect(kept([-HOUR, 0, 2 * HOUR])).toEqual([[-HOUR, 0, 2 * HOUR], undefined]);
  expect(kept([0, 2 * HOUR + 1])).toEqual([[0], { tooNewLogEventStartIndex: 1 }]);
  expect(kept([-14 * DAY - 1, -14 * DAY])).toEqual([[-14 * DAY], { tooOldLogEventEndIndex: 1 }]);
  expect(kept([-DAY - 2, -DAY - 1, -DAY], 1)).toEqual([[-DAY], { expiredLogEventEndIndex: 2 }]);
});

test.each([
  [at(1, 0), "Log events in a single PutLogEvents request must be in chronological order."],
  [
    at(-DAY - 1, 0),
    "The batch of log events in a single PutLogEvents request cannot span more than 24 hours.",
  ],
  [
    [{ timestamp: NOW, message: "é".repeat(524_288) }],
    "Log event too large: 1048602 bytes exceeds limit of 1048576",
  ],
  [
    Array.from({ length: 3 }, () => ({ timestamp: NOW, message: "x".repeat(400_000) })),
    "Upload too large: 1200078 bytes exceeds limit of 1048576",
  ],
])("a batch that breaks a rule is refused whole", (events, message) => {
  expect(() => acceptEvents(events, NOW, undefined)).toThrow(
    expect.objectContaining({ name: "InvalidParameterException", message }),
  );
});
