/** When a scheduled action runs: once at a time, at a rate, or as cron says, in a time zone. */
import { type CalendarDay, type Cron, CronError, parseCron } from "./cron.ts";
import { instantOf, wallTime, type WallTime } from "./time-zone.ts";

export type Schedule =
  | { readonly kind: "at"; readonly wall: WallTime }
  | { readonly kind: "rate"; readonly everyMs: number }
  | { readonly kind: "cron"; readonly cron: Cron };

/** What is wrong with a schedule, for its author. */
export class ScheduleError extends Error {}

const UNITS: Record<string, number> = { minute: 60_000, hour: 3_600_000, day: 86_400_000 };

/** `at(yyyy-mm-ddThh:mm:ss)`, `rate(5 minutes)` or `cron(...)`. */
export function parseSchedule(text: string): Schedule {
  const [, kind, inside = ""] = /^(at|rate|cron)\((.*)\)$/.exec(text.trim()) ?? [];
  if (kind === "at") return parseAt(inside, text);
  if (kind === "rate") return parseRate(inside, text);
  if (kind === "cron") {
    try {
      return { kind, cron: parseCron(inside) };
    } catch (error) {
      if (error instanceof CronError) throw wrong(text, error.message);
      throw error;
    }
  }
  throw wrong(text, "it is none of at(yyyy-mm-ddThh:mm:ss), rate(value unit) and cron(fields)");
}

function parseAt(inside: string, text: string): Schedule {
  const parts = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d)(?::(\d\d))?$/.exec(inside);
  const [year, month, day, hour, minute, second] = (parts ?? []).slice(1).map((part) => Number(part ?? 0));
  const wall = { year: year!, month: month!, day: day!, hour: hour!, minute: minute!, second: second! };
  const date = new Date(`${inside.slice(0, 16)}:00Z`);
  if (!parts || Number.isNaN(date.getTime()) || date.getUTCDate() !== day || wall.second > 59)
    throw wrong(text, "there is no such time; at takes yyyy-mm-ddThh:mm:ss");
  return { kind: "at", wall };
}

function parseRate(inside: string, text: string): Schedule {
  const [, value, unit] = /^([1-9]\d{0,8}) (minute|hour|day)s?$/.exec(inside.trim()) ?? [];
  if (value === undefined) throw wrong(text, "rate takes a number and minutes, hours or days");
  return { kind: "rate", everyMs: Number(value) * UNITS[unit!]! };
}

const wrong = (text: string, why: string) => new ScheduleError(`${text} is no schedule: ${why}.`);

/** What bounds a schedule, in milliseconds since the epoch. A rate counts from `startsAt`, else from `createdAt`. */
export interface ScheduleBounds {
  readonly timeZone: string;
  readonly createdAt: number;
  readonly startsAt?: number | undefined;
  readonly endsAt?: number | undefined;
}

/** The first time after this moment at which it runs, if there is one. */
export function nextRun(schedule: Schedule, bounds: ScheduleBounds, after: number): number | undefined {
  const from = Math.max(after, (bounds.startsAt ?? 0) - 1);
  const next = nextAfter(schedule, bounds, from);
  return next === undefined || (bounds.endsAt !== undefined && next > bounds.endsAt) ? undefined : next;
}

/** Where a schedule that runs each minute is looked through, not all of the time in which nobody looked is. */
const LOOKS_BACK_MS = [3_600_000, 86_400_000, 40 * 86_400_000, Infinity];

/** Its last run later than `after` and up to `until`, if there is one. */
export function lastRun(
  schedule: Schedule,
  bounds: ScheduleBounds,
  after: number,
  until: number,
): number | undefined {
  for (const back of LOOKS_BACK_MS) {
    let last: number | undefined;
    let next = nextRun(schedule, bounds, Math.max(after, until - back));
    while (next !== undefined && next <= until) {
      last = next;
      next = nextRun(schedule, bounds, next);
    }
    if (last !== undefined || until - back <= after) return last;
  }
  return undefined;
}

function nextAfter(schedule: Schedule, bounds: ScheduleBounds, from: number): number | undefined {
  if (schedule.kind === "cron") return nextCron(schedule.cron, bounds.timeZone, from);
  if (schedule.kind === "at") {
    const at = instantOf(schedule.wall, bounds.timeZone);
    return at > from ? at : undefined;
  }
  const { startsAt, createdAt } = bounds;
  const first = startsAt === undefined ? 1 : 0;
  const began = startsAt ?? createdAt;
  return began + Math.max(first, Math.floor((from - began) / schedule.everyMs) + 1) * schedule.everyMs;
}

/** A 29th of February on a certain weekday comes back after 28 years, or 40 across a century. */
const LONGEST_SEARCH_DAYS = 41 * 366;

function nextCron({ minutes, hours, years, on }: Cron, timeZone: string, from: number): number | undefined {
  const now = wallTime(from, timeZone);
  const year = years.find((one) => one >= now.year);
  if (year === undefined) return undefined;
  // a day early: clocks that were set back show it twice
  let day = year === now.year ? dayAfter(now, -1) : { year, month: 1, day: 1 };
  const last = years.at(-1)!;
  const listed = new Set(years);
  for (
    let looked = 0;
    looked < LONGEST_SEARCH_DAYS && day.year <= last;
    looked += 1, day = dayAfter(day, 1)
  ) {
    if (!listed.has(day.year) || !on(day)) continue;
    for (const hour of hours)
      for (const minute of minutes) {
        const at = instantOf({ ...day, hour, minute, second: 0 }, timeZone);
        if (at > from) return at;
      }
  }
  return undefined;
}

function dayAfter({ year, month, day }: CalendarDay, days: number): CalendarDay {
  const date = new Date(Date.UTC(year, month - 1, day + days));
  return { year: date.getUTCFullYear(), month: date.getUTCMonth() + 1, day: date.getUTCDate() };
}
