/** Log streams, and events that are put into them. */
import type * as sdk from "@aws-sdk/client-cloudwatch-logs";
import type { Account } from "../../base/arn.ts";
import type { Clock } from "../../base/clock.ts";
import type { LogGroup, LogStore, LogStream } from "../../telemetry/logs/log-store.ts";
import type { Context } from "../../wire/context.ts";
import type { Handlers } from "../../wire/service.ts";
import { acceptEvents } from "./accept-events.ts";
import { invalid, noGroup, noStream, streamExists } from "./faults.ts";
import { groupArn, groupOf, streamOf } from "./lookup.ts";

type StreamOperations = Pick<
  Handlers<typeof sdk, Context>,
  "CreateLogStream" | "DescribeLogStreams" | "DeleteLogStream" | "PutLogEvents"
>;

export function streamOperations(account: Account, store: LogStore, clock: Clock): StreamOperations {
  return {
    async CreateLogStream({ logGroupName, logStreamName }) {
      const group = store.group(logGroupName);
      if (!group) throw noGroup();
      if (!store.createStream(group, logStreamName)) throw streamExists();
      return {};
    },

    async DescribeLogStreams(input) {
      const { orderBy = "LogStreamName", descending = false, logStreamNamePrefix: prefix } = input;
      const { limit = 50, nextToken } = input;
      const group = groupOf(store, input);
      if (orderBy === "LastEventTime") {
        if (prefix !== undefined) throw invalid("Cannot order by LastEventTime with a logStreamNamePrefix.");
        const skip = nextToken === undefined ? 0 : Number(nextToken);
        if (!Number.isSafeInteger(skip) || skip < 0) throw invalid("The specified nextToken is invalid.");
        const found = store.streamsByTime(group, skip, limit + 1, descending);
        return page(account, group, found, limit, () => String(skip + limit));
      }
      const found = store.streams(group, { after: nextToken, prefix, limit: limit + 1, descending });
      return page(account, group, found, limit, ({ name }) => name);
    },

    async DeleteLogStream({ logGroupName, logStreamName }) {
      const group = store.group(logGroupName);
      if (!group) throw noGroup();
      if (!store.deleteStream(group, logStreamName)) throw noStream();
      return {};
    },

    async PutLogEvents({ logGroupName, logStreamName, logEvents }) {
      const group = store.group(logGroupName);
      if (!group) throw noGroup();
      streamOf(store, group, logStreamName);
      const { accepted, rejected } = acceptEvents(logEvents, clock.now(), group.retentionDays);
      store.put(group, logStreamName, accepted);
      // Since 2023 the token means nothing to AWS either, but old clients send it back.
      return { nextSequenceToken: SEQUENCE_TOKEN, ...(rejected && { rejectedLogEventsInfo: rejected }) };
    },
  };
}

const SEQUENCE_TOKEN = "0".repeat(56);

function page(
  account: Account,
  group: LogGroup,
  found: readonly LogStream[],
  limit: number,
  next: (last: LogStream) => string,
) {
  const shown = found.slice(0, limit);
  return {
    logStreams: shown.map(({ name, createdAt, firstAt, lastAt, ingestedAt }) => ({
      logStreamName: name,
      creationTime: createdAt,
      ...(firstAt !== null && { firstEventTimestamp: firstAt }),
      ...(lastAt !== null && { lastEventTimestamp: lastAt }),
      ...(ingestedAt !== null && { lastIngestionTime: ingestedAt }),
      uploadSequenceToken: SEQUENCE_TOKEN,
      arn: `${groupArn(account, group.name)}:log-stream:${name}`,
      // of a single stream AWS has not told it since 2019
      storedBytes: 0,
    })),
    ...(found.length > limit && { nextToken: next(shown.at(-1)!) }),
  };
}
