import type { InputLogEvent, RejectedLogEventsInfo } from "@aws-sdk/client-cloudwatch-logs";
import { EVENT_OVERHEAD, type LogEvent } from "../../telemetry/logs/log-store.ts";
import { invalid } from "./faults.ts";

const MAX_BATCH = 1_048_576;
const MAX_EVENT = 1_048_576;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const NEWEST_MS = 2 * HOUR_MS;
const OLDEST_MS = 14 * DAY_MS;

/** Which events of a PutLogEvents are kept, and which are too new or too old. A batch that breaks a rule is refused whole. */
export function acceptEvents(
  input: readonly InputLogEvent[],
  now: number,
  retentionDays: number | undefined,
): { accepted: LogEvent[]; rejected?: RejectedLogEventsInfo } {
  const events = input.map(({ timestamp, message }) => ({ time: timestamp!, message: message! }));
  const sizes = events.map(({ message }) => Buffer.byteLength(message) + EVENT_OVERHEAD);
  const largest = Math.max(...sizes);
  if (largest > MAX_EVENT)
    throw invalid(`Log event too large: ${largest} bytes exceeds limit of ${MAX_EVENT}`);
  const size = sizes.reduce((sum, one) => sum + one, 0);
  if (size > MAX_BATCH) throw invalid(`Upload too large: ${size} bytes exceeds limit of ${MAX_BATCH}`);
  if (events.some(({ time }, index) => index > 0 && time < events[index - 1]!.time))
    throw invalid("Log events in a single PutLogEvents request must be in chronological order.");
  if (events.at(-1)!.time - events[0]!.time > DAY_MS)
    throw invalid("The batch of log events in a single PutLogEvents request cannot span more than 24 hours.");

  const expired = before(events, retentionDays === undefined ? -Infinity : now - retentionDays * DAY_MS);
  const old = before(events, now - OLDEST_MS);
  const fresh = before(events, now + NEWEST_MS + 1);
  const accepted = events.slice(Math.max(expired, old), fresh);
  if (accepted.length === events.length) return { accepted };
  return {
    accepted,
    rejected: {
      ...(fresh < events.length && { tooNewLogEventStartIndex: fresh }),
      ...(old > 0 && { tooOldLogEventEndIndex: old }),
      ...(expired > 0 && { expiredLogEventEndIndex: expired }),
    },
  };
}

/** How many events, in order, are from before that time. */
const before = (events: readonly LogEvent[], time: number) =>
  events.filter((event) => event.time < time).length;
