/** From what a request says of a group or stream to the one that is there. */
import type { Account } from "../../base/arn.ts";
import type { LogGroup, LogStore, LogStream } from "../../telemetry/logs/log-store.ts";
import { invalid, noGroup, noStream } from "./faults.ts";

/** Without the `:*` that stands for all of its streams. */
export const groupArn = ({ accountId, region }: Account, name: string) =>
  `arn:aws:logs:${region}:${accountId}:log-group:${name}`;

/** The name in an ARN or in a name; undefined for an ARN of something else. */
export const groupNameOf = (identifier: string): string | undefined =>
  /^(?:arn:aws[a-z-]*:logs:[^:]*:\d{12}:log-group:)?([^:]+)(?::\*)?$/.exec(identifier)?.[1];

interface Reference {
  readonly logGroupName?: string;
  readonly logGroupIdentifier?: string;
}

/** The group that is named in one of two ways. */
export function groupOf(store: LogStore, { logGroupName, logGroupIdentifier }: Reference): LogGroup {
  if ((logGroupName === undefined) === (logGroupIdentifier === undefined))
    throw invalid("Exactly one of logGroupName and logGroupIdentifier must be specified.");
  const name = logGroupName ?? groupNameOf(logGroupIdentifier!);
  const group = name === undefined ? undefined : store.group(name);
  if (!group) throw noGroup();
  return group;
}

export function streamOf(store: LogStore, group: LogGroup, name: string): LogStream {
  const stream = store.stream(group, name);
  if (!stream) throw noStream();
  return stream;
}
