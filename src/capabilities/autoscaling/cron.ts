/**
 * AWS's cron expressions: six fields (minutes, hours, day of month, month, day of week, year) with `*`, `,`, `-`, `/`,
 * and for days `?`, `L`, `W` and `#`. https://docs.aws.amazon.com/autoscaling/application/userguide/scheduled-scaling-using-cron-expressions.html
 */

/** A day of the calendar, without a time zone. `month` is 1 to 12. */
export interface CalendarDay {
  readonly year: number;
  readonly month: number;
  readonly day: number;
}

export interface Cron {
  /** Ascending. */
  readonly minutes: readonly number[];
  readonly hours: readonly number[];
  readonly years: readonly number[];
  /** Whether it runs on this day of one of its years. */
  readonly on: (day: CalendarDay) => boolean;
}

/** What is wrong with an expression, for its author. */
export class CronError extends Error {}

const MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
/** AWS counts days of the week from Sunday, which is 1. */
const WEEKDAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

interface Field {
  readonly name: string;
  readonly min: number;
  readonly max: number;
  /** Other words for its numbers, from `min` on. */
  readonly words?: readonly string[];
}

const MINUTES: Field = { name: "minutes", min: 0, max: 59 };
const HOURS: Field = { name: "hours", min: 0, max: 23 };
const DAY_OF_MONTH: Field = { name: "day-of-month", min: 1, max: 31 };
const MONTH: Field = { name: "month", min: 1, max: 12, words: MONTHS };
const DAY_OF_WEEK: Field = { name: "day-of-week", min: 1, max: 7, words: WEEKDAYS };
const YEAR: Field = { name: "year", min: 1970, max: 2199 };

/** Of what stands between the parentheses of `cron(...)`. */
export function parseCron(expression: string): Cron {
  const fields = expression.trim().split(/\s+/);
  if (fields.length !== 6)
    throw new CronError(
      `it has ${fields.length} fields, not 6 (minutes hours day-of-month month day-of-week year)`,
    );
  const [minutes, hours, dayOfMonth, month, dayOfWeek, year] = fields as [
    string,
    string,
    string,
    string,
    string,
    string,
  ];
  if ((dayOfMonth === "?") === (dayOfWeek === "?"))
    throw new CronError("one of day-of-month and day-of-week, and only one, must be ?");
  const months = new Set(numbers(MONTH, month));
  const matches = dayOfWeek === "?" ? daysOfMonth(dayOfMonth) : daysOfWeek(dayOfWeek);
  return {
    minutes: numbers(MINUTES, minutes),
    hours: numbers(HOURS, hours),
    years: numbers(YEAR, year),
    on: (day) => months.has(day.month) && matches(day),
  };
}

/** Midnight of the day as if it were in UTC: only to reckon with days. */
const utc = ({ year, month, day }: CalendarDay) => Date.UTC(year, month - 1, day);
/** 1 is Sunday. */
const weekday = (day: CalendarDay) => new Date(utc(day)).getUTCDay() + 1;
const lastOf = ({ year, month }: CalendarDay) => new Date(Date.UTC(year, month, 0)).getUTCDate();

type Matches = (day: CalendarDay) => boolean;

function daysOfMonth(text: string): Matches {
  if (text === "L") return (day) => day.day === lastOf(day);
  if (text === "LW") return (day) => day.day === nearestWeekday(day, lastOf(day));
  const near = /^(\d+)W$/.exec(text);
  if (near) {
    const wanted = one(DAY_OF_MONTH, near[1]!);
    return (day) => wanted <= lastOf(day) && day.day === nearestWeekday(day, wanted);
  }
  const days = new Set(numbers(DAY_OF_MONTH, text));
  return ({ day }) => days.has(day);
}

function daysOfWeek(text: string): Matches {
  if (text === "L") return (day) => weekday(day) === 7;
  const last = /^(\w+)L$/.exec(text);
  if (last) {
    const wanted = one(DAY_OF_WEEK, last[1]!);
    return (day) => weekday(day) === wanted && day.day > lastOf(day) - 7;
  }
  const nth = /^(\w+)#(\d+)$/.exec(text);
  if (nth) {
    const wanted = one(DAY_OF_WEEK, nth[1]!);
    const count = one({ name: "day-of-week after #", min: 1, max: 5 }, nth[2]!);
    return (day) => weekday(day) === wanted && Math.ceil(day.day / 7) === count;
  }
  const days = new Set(numbers(DAY_OF_WEEK, text));
  return (day) => days.has(weekday(day));
}

/** The weekday nearest to a day, in its month. */
function nearestWeekday(month: CalendarDay, wanted: number): number {
  const on = weekday({ ...month, day: wanted });
  if (on === 7) return wanted === 1 ? 3 : wanted - 1;
  if (on === 1) return wanted === lastOf(month) ? wanted - 2 : wanted + 1;
  return wanted;
}

/** All that a field names, ascending. */
function numbers(field: Field, text: string): number[] {
  const found = new Set<number>();
  for (const part of text.split(",")) {
    const [range = "", step, ...rest] = part.split("/");
    if (rest.length > 0) throw wrong(field, text);
    const by = step === undefined ? 1 : one({ name: `${field.name} after /`, min: 1, max: field.max }, step);
    for (let value = first(field, range); value <= end(field, range, step); value += by) found.add(value);
  }
  if (found.size === 0) throw wrong(field, text);
  return [...found].toSorted((a, b) => a - b);
}

const first = (field: Field, range: string) => (range === "*" ? field.min : one(field, range.split("-")[0]!));

function end(field: Field, range: string, step: string | undefined): number {
  if (range === "*") return field.max;
  const [from = "", to, ...rest] = range.split("-");
  if (rest.length > 0) throw wrong(field, range);
  if (to !== undefined) return one(field, to);
  return step === undefined ? one(field, from) : field.max;
}

function one(field: Field, text: string): number {
  const word = field.words?.indexOf(text.toUpperCase()) ?? -1;
  const value = word >= 0 ? field.min + word : /^\d{1,4}$/.test(text) ? Number(text) : NaN;
  if (!(value >= field.min && value <= field.max)) throw wrong(field, text);
  return value;
}

const wrong = ({ name, min, max }: Field, text: string) =>
  new CronError(`${name} takes ${min} to ${max}, not ${text}`);
