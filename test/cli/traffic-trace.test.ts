import { expect, test } from "vitest";
import { readTrace } from "../../src/cli/traffic-trace.ts";

test("each row holds until the next, and the last as long as the one before it", () => {
  const { rate, durationMs } = readTrace("seconds,rps\n0,5\n60,10\n\n180,0\n");
  expect(durationMs).toBe(300_000);
  expect([0, 59_999, 60_000, 179_999, 180_000, 299_999, 0].map(rate)).toEqual([5, 5, 10, 10, 0, 0, 5]);
});

test("times may be those of a calendar, and begin anywhere", () => {
  const { rate, durationMs } = readTrace("2026-11-22T00:00:00Z, 1\r\n2026-11-22T01:00:00Z, 2");
  expect(durationMs).toBe(7_200_000);
  expect([0, 3_600_000].map(rate)).toEqual([1, 2]);
});

test.each([
  ["", "at least two rows"],
  ["0,1", "at least two rows"],
  ["0,1\nx,2", "line 2"],
  ["0,1\n60,-2", "line 2"],
  ["0,1\n60,many", "line 2"],
  ["60,1\n60,2", "line 2: its time is not after"],
  ["0,1\n9999999,1", "longer than 31 days"],
])("%j is refused: %s", (csv, message) => {
  expect(() => readTrace(csv)).toThrow(message);
});
