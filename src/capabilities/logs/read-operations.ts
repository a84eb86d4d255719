/** Events that are read: of one stream from either end, or of a group by a pattern. */
import type * as sdk from "@aws-sdk/client-cloudwatch-logs";
import {
  EVENT_OVERHEAD,
  type LogStore,
  type Place,
  type StoredEvent,
} from "../../telemetry/logs/log-store.ts";
import type { Context } from "../../wire/context.ts";
import type { Handlers } from "../../wire/service.ts";
import { invalid, unsupported } from "./faults.ts";
import { groupOf, streamOf } from "./lookup.ts";
import { matcherOf } from "./matcher.ts";

const MAX_EVENTS = 10_000;
const MAX_BYTES = 1_048_576;
/** So much is looked at for one page: whoever searches far gets pages that may be empty, as AWS gives. */
const MAX_LOOKED_AT = 10_000;
const MAX_BYTES_LOOKED_AT = 8 * 1_048_576;
const END: Place = { time: Number.MAX_SAFE_INTEGER, sequence: 0 };

type ReadOperations = Pick<Handlers<typeof sdk, Context>, "GetLogEvents" | "FilterLogEvents">;

export function readOperations(store: LogStore): ReadOperations {
  return {
    async GetLogEvents(input) {
      const { startTime = 0, endTime, nextToken, limit = MAX_EVENTS, startFromHead = false } = input;
      if (input.unmask) throw unsupported("unmask", "data protection");
      const group = groupOf(store, input);
      const stream = streamOf(store, group, input.logStreamName);
      const token = /^([fb])\/(\d{16})(\d{16})\/s$/.exec(nextToken ?? "");
      if (nextToken !== undefined && !token) throw invalid("The specified nextToken is invalid.");
      const place = token && { time: Number(token[2]), sequence: Number(token[3]) };
      const backwards = token ? token[1] === "b" : !startFromHead;
      const first: Place = { time: startTime, sequence: 0 };
      const last: Place = endTime === undefined ? END : { time: endTime, sequence: 0 };
      const range = backwards ? { from: first, to: place ?? last } : { from: place ?? first, to: last };
      const found = take(store.events(group, { stream, ...range, backwards }), limit);
      if (backwards) found.reverse();
      // At an end there is nothing: the token is the one that was given.
      const here = place ?? first;
      const end = found.at(-1);
      return {
        events: found.map(({ time, message, ingestedAt }) => ({
          timestamp: time,
          message,
          ingestionTime: ingestedAt,
        })),
        nextForwardToken: `f/${digits(end ? { time: end.time, sequence: end.sequence + 1 } : here)}/s`,
        nextBackwardToken: `b/${digits(found[0] ?? here)}/s`,
      };
    },

    async FilterLogEvents(input) {
      const { logStreamNames, logStreamNamePrefix: prefix, startTime = 0, endTime, nextToken } = input;
      const { limit = MAX_EVENTS, filterPattern } = input;
      if (logStreamNames && prefix !== undefined)
        throw invalid("logStreamNamePrefix and logStreamNames cannot be specified together.");
      if (input.unmask) throw unsupported("unmask", "data protection");
      const group = groupOf(store, input);
      const matches = matcherOf(filterPattern);
      const token = /^(\d{16})(\d{16})$/.exec(nextToken ?? "");
      if (nextToken !== undefined && !token) throw invalid("The specified nextToken is invalid.");
      const from = token
        ? { time: Number(token[1]), sequence: Number(token[2]) }
        : { time: startTime, sequence: 0 };
      // Here the end is still asked for, other than in GetLogEvents.
      const to = endTime === undefined ? END : { time: endTime + 1, sequence: 0 };
      const streams = logStreamNames && new Set(logStreamNames);
      const isAsked = (name: string) =>
        streams ? streams.has(name) : prefix === undefined || name.startsWith(prefix);
      // One stream has an index of its own.
      const only = logStreamNames?.length === 1 ? store.stream(group, logStreamNames[0]!) : undefined;

      const events: sdk.FilteredLogEvent[] = [];
      let lookedAt = 0;
      let bytesLookedAt = 0;
      let bytes = 0;
      for (const event of store.events(group, { stream: only, from, to })) {
        const isFar = lookedAt >= MAX_LOOKED_AT || bytesLookedAt >= MAX_BYTES_LOOKED_AT;
        if (isFar || events.length >= limit || bytes >= MAX_BYTES)
          return { events, searchedLogStreams: [], nextToken: digits(event) };
        lookedAt += 1;
        bytesLookedAt += event.message.length;
        if (!isAsked(event.stream) || !matches(event.message)) continue;
        bytes += Buffer.byteLength(event.message) + EVENT_OVERHEAD;
        events.push({
          logStreamName: event.stream,
          timestamp: event.time,
          message: event.message,
          ingestionTime: event.ingestedAt,
          eventId: digits(event).padEnd(56, "0"),
        });
      }
      return { events, searchedLogStreams: [] };
    },
  };
}

/** A page: so many, and no more than a megabyte of them. */
function take(events: Iterable<StoredEvent>, limit: number): StoredEvent[] {
  const taken: StoredEvent[] = [];
  let bytes = 0;
  for (const event of events) {
    bytes += Buffer.byteLength(event.message) + EVENT_OVERHEAD;
    if (taken.length && bytes > MAX_BYTES) break;
    if (taken.push(event) >= limit) break;
  }
  return taken;
}

const digits = ({ time, sequence }: Place) =>
  String(time).padStart(16, "0") + String(sequence).padStart(16, "0");
