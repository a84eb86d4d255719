/** StartLiveTail: what comes in from now on, as a stream of events. */
import type * as sdk from "@aws-sdk/client-cloudwatch-logs";
import type { Account } from "../../base/arn.ts";
import { type Clock, sleep } from "../../base/clock.ts";
import type { Random } from "../../base/random.ts";
import type { LogStore } from "../../telemetry/logs/log-store.ts";
import type { Context } from "../../wire/context.ts";
import type { Handlers } from "../../wire/service.ts";
import { invalid, noGroup, timedOut, tooMany } from "./faults.ts";
import { groupArn, groupNameOf } from "./lookup.ts";
import { matcherOf } from "./matcher.ts";

const UPDATE_MS = 1000;
/** Of one update: when more came, they are a sample. */
const MOST_EVENTS = 500;
const LONGEST_MS = 3 * 3_600_000;
const MOST_SESSIONS = 15;

export interface LiveTailPorts {
  readonly account: Account;
  readonly store: LogStore;
  readonly clock: Clock;
  readonly random: Random;
  /** The server is about to stop. */
  readonly closing: AbortSignal;
}

export function liveTailOperation(
  ports: LiveTailPorts,
): Pick<Handlers<typeof sdk, Context>, "StartLiveTail"> {
  const { account, store, random, closing } = ports;
  let sessions = 0;
  return {
    async StartLiveTail(input, { requestId, signal }) {
      const { logGroupIdentifiers, logStreamNames, logStreamNamePrefixes, logEventFilterPattern } = input;
      const groups = new Set<string>();
      for (const identifier of logGroupIdentifiers) {
        if (!identifier.startsWith("arn:"))
          throw invalid(`logGroupIdentifiers: ${identifier} is not an ARN.`);
        const name = groupNameOf(identifier);
        if (name === undefined || !store.group(name)) throw noGroup();
        groups.add(name);
      }
      if ((logStreamNames || logStreamNamePrefixes) && groups.size > 1)
        throw invalid("Streams can be named when there is one log group only.");
      if (logStreamNames && logStreamNamePrefixes)
        throw invalid("logStreamNames and logStreamNamePrefixes cannot be specified together.");
      const matches = matcherOf(logEventFilterPattern);
      const isAsked = (stream: string) =>
        (logStreamNames?.includes(stream) ?? true) &&
        (logStreamNamePrefixes?.some((prefix) => stream.startsWith(prefix)) ?? true);
      if (sessions >= MOST_SESSIONS)
        throw tooMany(`There are ${MOST_SESSIONS} Live Tail sessions already, which is the most.`);

      async function* session(): AsyncGenerator<sdk.StartLiveTailResponseStream> {
        sessions += 1;
        const over = AbortSignal.any([signal, closing]);
        let came: sdk.LiveTailSessionLogEvent[] = [];
        let sampled = false;
        const unwatch = store.watch((group, stream, events) => {
          if (!groups.has(group) || !isAsked(stream)) return;
          for (const { time, message, ingestedAt } of events) {
            sampled ||= came.length >= MOST_EVENTS;
            if (sampled || !matches(message)) continue;
            came.push({
              logStreamName: stream,
              logGroupIdentifier: `${account.accountId}:${group}`,
              message,
              timestamp: time,
              ingestionTime: ingestedAt,
            });
          }
        });
        try {
          yield {
            sessionStart: {
              requestId,
              sessionId: random.uuid(),
              logGroupIdentifiers: [...groups].map((name) => groupArn(account, name)),
              ...(logStreamNames && { logStreamNames }),
              ...(logStreamNamePrefixes && { logStreamNamePrefixes }),
              ...(logEventFilterPattern !== undefined && { logEventFilterPattern }),
            },
          };
          const began = ports.clock.monotonic();
          while (ports.clock.monotonic() - began < LONGEST_MS) {
            await sleep(ports.clock, UPDATE_MS, over).catch(() => {});
            if (over.aborted) return;
            const update = { sessionMetadata: { sampled }, sessionResults: came };
            came = [];
            sampled = false;
            yield { sessionUpdate: update };
          }
          throw timedOut();
        } finally {
          unwatch();
          sessions -= 1;
        }
      }
      return { responseStream: session() };
    },
  };
}
