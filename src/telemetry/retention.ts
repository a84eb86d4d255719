/**
 * How long what is kept. CloudWatch: below a minute 3 hours, by the minute 15 days, by 5 minutes 63 days, by the hour
 * 455 days. What is too old for one of these goes over into the next. All in seconds.
 */

export interface Tier {
  readonly period: number;
  readonly keep: number;
  /** So much of it is packed together; a whole number of periods of the next tier. */
  readonly chunk: number;
}

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

export const TIERS: readonly Tier[] = [
  { period: 1, keep: 3 * HOUR, chunk: 10 * MINUTE },
  { period: MINUTE, keep: 15 * DAY, chunk: 3 * HOUR },
  { period: 5 * MINUTE, keep: 63 * DAY, chunk: DAY },
  { period: HOUR, keep: 455 * DAY, chunk: 10 * DAY },
];

/** The start of the span of this length that a time falls into, counted from the epoch. */
export function startOf(time: number, length: number): number {
  return time - (time % length);
}

/** Where a tier ends: what is older goes over. `retention` is how much of the usual time there is room for. */
export function horizon({ keep }: Tier, now: number, retention: number): number {
  return now - keep * retention;
}

/** The share of the usual time to keep things from now on: less while there is too much, slowly more when there is room. */
export function adaptRetention(retention: number, bytes: number, maxBytes: number): number {
  if (bytes > maxBytes) return Math.max(MIN_RETENTION, 0.8 * retention);
  return bytes < 0.6 * maxBytes ? Math.min(1, 1.1 * retention) : retention;
}

/** Then there are 4 minutes below a minute, 7 hours by the minute, and 9 days by the hour: alarms go on. */
const MIN_RETENTION = 0.02;
