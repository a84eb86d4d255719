import { expect, test } from "vitest";
import { lastRun, nextRun, parseSchedule } from "../../../src/capabilities/autoscaling/schedule.ts";

const utc = (text: string) => Date.parse(`${text}Z`);

/** The next runs after a moment, as their times in UTC. */
function runs(
  schedule: string,
  after: string,
  count: number,
  { timeZone = "UTC", startsAt, endsAt }: { timeZone?: string; startsAt?: string; endsAt?: string } = {},
): string[] {
  const bounds = {
    timeZone,
    createdAt: utc("2026-01-01T00:00:30"),
    startsAt: startsAt === undefined ? undefined : utc(startsAt),
    endsAt: endsAt === undefined ? undefined : utc(endsAt),
  };
  const found: string[] = [];
  let at = utc(after);
  while (found.length < count) {
    const next = nextRun(parseSchedule(schedule), bounds, at);
    if (next === undefined) break;
    expect(next).toBeGreaterThan(at);
    found.push(new Date(next).toISOString().slice(0, 19));
    at = next;
  }
  return found;
}

test.each([
  ["at(2026-11-22T08:30:00)", "2026-11-22T08:29:59", ["2026-11-22T08:30:00"]],
  ["at(2026-11-22T08:30:00)", "2026-11-22T08:30:00", []],
  ["rate(5 minutes)", "2026-01-01T00:07:00", ["2026-01-01T00:10:30", "2026-01-01T00:15:30"]],
  ["rate(1 hour)", "2025-12-31T00:00:00", ["2026-01-01T01:00:30", "2026-01-01T02:00:30"]],
  ["rate(2 days)", "2026-01-02T00:00:00", ["2026-01-03T00:00:30", "2026-01-05T00:00:30"]],
  ["cron(0 18 ? * MON-FRI *)", "2026-11-20T18:00:00", ["2026-11-23T18:00:00", "2026-11-24T18:00:00"]],
  ["cron(0/20 8,20 * * ? *)", "2026-11-22T08:25:00", ["2026-11-22T08:40:00", "2026-11-22T20:00:00"]],
  ["cron(30 9 L * ? *)", "2026-02-01T00:00:00", ["2026-02-28T09:30:00", "2026-03-31T09:30:00"]],
  ["cron(0 0 15W * ? *)", "2026-08-01T00:00:00", ["2026-08-14T00:00:00", "2026-09-15T00:00:00"]],
  ["cron(0 0 1W * ? *)", "2026-08-01T00:00:00", ["2026-08-03T00:00:00", "2026-09-01T00:00:00"]],
  ["cron(0 0 LW * ? *)", "2026-05-01T00:00:00", ["2026-05-29T00:00:00", "2026-06-30T00:00:00"]],
  ["cron(0 12 ? * 6#2 *)", "2026-11-01T00:00:00", ["2026-11-13T12:00:00", "2026-12-11T12:00:00"]],
  ["cron(0 12 ? * 2L *)", "2026-11-01T00:00:00", ["2026-11-30T12:00:00", "2026-12-28T12:00:00"]],
  ["cron(0 0 29 FEB ? *)", "2026-01-01T00:00:00", ["2028-02-29T00:00:00", "2032-02-29T00:00:00"]],
  ["cron(59 23 31 12 ? 2027-2028)", "2026-01-01T00:00:00", ["2027-12-31T23:59:00", "2028-12-31T23:59:00"]],
  ["cron(0 0 31 2 ? *)", "2026-01-01T00:00:00", []],
  ["cron(0 0 1 1 ? 2020)", "2026-01-01T00:00:00", []],
])("%s after %s runs at %j", (schedule, after, expected) => {
  expect(runs(schedule, after, 2)).toEqual(expected);
});

test("a time zone moves it, and its change of clocks, too", () => {
  const berlin = { timeZone: "Europe/Berlin" };
  expect(runs("cron(0 9 * * ? *)", "2026-03-28T00:00:00", 2, berlin)).toEqual([
    "2026-03-28T08:00:00",
    "2026-03-29T07:00:00",
  ]);
  // 02:30 is left out on the day on which clocks go forward, and shown twice when they go back
  expect(runs("cron(30 2 * * ? *)", "2026-03-28T12:00:00", 2, berlin)).toEqual([
    "2026-03-29T01:30:00",
    "2026-03-30T00:30:00",
  ]);
  expect(runs("cron(30 2 * * ? *)", "2026-10-24T12:00:00", 2, berlin)).toEqual([
    "2026-10-25T00:30:00",
    "2026-10-26T01:30:00",
  ]);
  expect(runs("at(2026-07-01T00:00:00)", "2026-01-01T00:00:00", 1, { timeZone: "Asia/Kolkata" })).toEqual([
    "2026-06-30T18:30:00",
  ]);
});

test("it starts and ends when it is told to", () => {
  expect(
    runs("rate(1 day)", "2026-01-01T00:00:00", 9, {
      startsAt: "2026-02-01T00:00:00",
      endsAt: "2026-02-03T00:00:00",
    }),
  ).toEqual(["2026-02-01T00:00:00", "2026-02-02T00:00:00", "2026-02-03T00:00:00"]);
  expect(
    runs("cron(0 0 * * ? *)", "2026-01-01T00:00:00", 9, {
      startsAt: "2026-02-01T00:00:00",
      endsAt: "2026-02-02T23:00:00",
    }),
  ).toEqual(["2026-02-01T00:00:00", "2026-02-02T00:00:00"]);
});

test.each([
  ["every day", "it is none of"],
  ["at(2026-02-30T00:00:00)", "there is no such time"],
  ["at(2026-11-22 08:30)", "there is no such time"],
  ["rate(0 minutes)", "rate takes"],
  ["rate(5 seconds)", "rate takes"],
  ["cron(0 0 * * *)", "it has 5 fields"],
  ["cron(0 0 * * * *)", "only one, must be ?"],
  ["cron(0 0 ? * ? *)", "only one, must be ?"],
  ["cron(60 0 * * ? *)", "minutes takes 0 to 59, not 60"],
  ["cron(0 0 * FOO ? *)", "month takes 1 to 12, not FOO"],
  ["cron(0 0 ? * 1#6 *)", "takes 1 to 5, not 6"],
  ["cron(0/0 0 * * ? *)", "minutes after / takes 1 to 59, not 0"],
  ["cron(9-3 0 * * ? *)", "minutes takes 0 to 59, not 9-3"],
  ["cron(1-2-3 0 * * ? *)", "minutes takes 0 to 59"],
])("%s is refused: %s", (schedule, why) => {
  expect(() => parseSchedule(schedule)).toThrow(why);
});

test.each([
  ["cron(* * * * ? *)", "2020-01-01T00:00:00", "2026-11-22T10:00:30", "2026-11-22T10:00:00"],
  ["cron(0 9 ? * MON *)", "2020-01-01T00:00:00", "2026-11-22T10:00:30", "2026-11-16T09:00:00"],
  ["cron(0 9 1 1 ? *)", "2020-01-01T00:00:00", "2026-11-22T10:00:30", "2026-01-01T09:00:00"],
  ["cron(0 9 ? * MON *)", "2026-11-16T09:00:00", "2026-11-22T10:00:30", undefined],
  ["at(2021-05-05T05:05:05)", "2020-01-01T00:00:00", "2026-11-22T10:00:30", "2021-05-05T05:05:05"],
])("the last run of %s after %s and up to %s is %s", (schedule, after, until, expected) => {
  const bounds = { timeZone: "UTC", createdAt: 0 };
  const last = lastRun(parseSchedule(schedule), bounds, utc(after), utc(until));
  expect(last).toBe(expected === undefined ? undefined : utc(expected));
});
