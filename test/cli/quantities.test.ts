import { expect, test } from "vitest";
import { age, byteSize, duration, percentile } from "../../src/cli/quantities.ts";

test.each([
  [0, "0 B"],
  [999, "999 B"],
  [1000, "1.0 KB"],
  [999_499, "999 KB"],
  [999_500, "1.0 MB"],
  [12_345_678, "12.3 MB"],
])("%d bytes are %s", (bytes, words) => expect(byteSize(bytes)).toBe(words));

test.each([
  [0.25, "250 µs"],
  [12.34, "12.3 ms"],
  [250.4, "250 ms"],
  [999.6, "1.0 s"],
  [59_990, "1 min 0 s"],
  [185_000, "3 min 5 s"],
])("%d ms are %s", (ms, words) => expect(duration(ms)).toBe(words));

test("ages are in their largest unit", () => {
  const now = Date.UTC(2026, 0, 10);
  const ago = (seconds: number) => age(new Date(now - seconds * 1000), now);
  expect([ago(5), ago(61), ago(7300), ago(200_000), age(undefined, now)]).toEqual([
    "5s",
    "1m",
    "2h",
    "2d",
    "",
  ]);
});

test("percentiles are of the nearest rank", () => {
  expect(percentile([1, 2, 3, 4], 0.5)).toBe(2);
  expect(percentile([1, 2, 3, 4], 0.99)).toBe(4);
  expect(percentile([], 0.5)).toBeNaN();
});
