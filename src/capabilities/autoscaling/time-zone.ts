/** Wall clocks of the world's time zones, from the data that the runtime brings along. */
import type { CalendarDay } from "./cron.ts";

export interface WallTime extends CalendarDay {
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
}

const formats = new Map<string, Intl.DateTimeFormat>();
/** There are some 600; a caller can not make more of them than that. */
function formatOf(timeZone: string): Intl.DateTimeFormat {
  let format = formats.get(timeZone);
  if (!format) {
    format = new Intl.DateTimeFormat("en-US", {
      timeZone,
      hourCycle: "h23",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
      second: "numeric",
    });
    formats.set(timeZone, format);
  }
  return format;
}

/** Whether it is the name of a time zone, as `Europe/Berlin`; an offset is not. */
export function isTimeZone(name: string): boolean {
  try {
    if (!/^[A-Za-z]/.test(name)) return false;
    formatOf(name);
    return true;
  } catch {
    return false;
  }
}

/** What the clocks there show at this moment (milliseconds since the epoch). */
export function wallTime(at: number, timeZone: string): WallTime {
  const parts = Object.fromEntries(
    formatOf(timeZone)
      .formatToParts(at)
      .map(({ type, value }) => [type, Number(value)]),
  );
  const { year, month, day, hour, minute, second } = parts as Record<string, number>;
  return { year: year!, month: month!, day: day!, hour: hour!, minute: minute!, second: second! };
}

/**
 * The moment at which the clocks there show this. A time that they show twice is the first; one that they leave out is
 * as long after the change as it would have been after the hour that is missing.
 */
export function instantOf(wall: WallTime, timeZone: string): number {
  const { year, month, day, hour, minute, second } = wall;
  const shown = Date.UTC(year, month - 1, day, hour, minute, second);
  const offset = (at: number) => asUtc(wallTime(at, timeZone)) - at;
  // the offsets on both sides of any change that may be near
  const before = offset(shown - 86_400_000);
  const after = offset(shown + 86_400_000);
  const candidates = [shown - before, shown - after].filter((at) => at + offset(at) === shown);
  return candidates.length > 0 ? Math.min(...candidates) : shown - before;
}

const asUtc = ({ year, month, day, hour, minute, second }: WallTime) =>
  Date.UTC(year, month - 1, day, hour, minute, second);
