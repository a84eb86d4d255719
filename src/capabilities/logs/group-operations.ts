/** Log groups: made, listed, kept for a time, tagged, removed. */
import type * as sdk from "@aws-sdk/client-cloudwatch-logs";
import type { Account } from "../../base/arn.ts";
import type { LogGroup, LogStore } from "../../telemetry/logs/log-store.ts";
import type { Context } from "../../wire/context.ts";
import type { Handlers } from "../../wire/service.ts";
import { groupExists, invalid, noGroup, noResource, tooManyTags, unsupported } from "./faults.ts";
import { groupArn, groupNameOf } from "./lookup.ts";

/** What AWS lets be chosen. */
const RETENTION_DAYS = [
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
];
const MOST_TAGS = 50;

type GroupOperations = Pick<
  Handlers<typeof sdk, Context>,
  | "CreateLogGroup"
  | "DescribeLogGroups"
  | "DeleteLogGroup"
  | "PutRetentionPolicy"
  | "DeleteRetentionPolicy"
  | "TagResource"
  | "UntagResource"
  | "ListTagsForResource"
  | "TagLogGroup"
  | "UntagLogGroup"
  | "ListTagsLogGroup"
>;

export function groupOperations(account: Account, store: LogStore): GroupOperations {
  const named = (name: string): LogGroup => {
    const group = store.group(name);
    if (!group) throw noGroup();
    return group;
  };
  const tagged = (arn: string): LogGroup => {
    const name = arn.startsWith("arn:") ? groupNameOf(arn) : undefined;
    const group = name === undefined ? undefined : store.group(name);
    if (!group) throw noResource();
    return group;
  };
  const tag = (group: LogGroup, tags: Readonly<Record<string, string>>) => {
    const all = { ...group.tags, ...checked(tags) };
    if (Object.keys(all).length > MOST_TAGS) throw tooManyTags();
    store.setTags(group.name, all);
    return {};
  };
  const untag = (group: LogGroup, keys: readonly string[]) => {
    const left = Object.entries(group.tags).filter(([key]) => !keys.includes(key));
    store.setTags(group.name, Object.fromEntries(left));
    return {};
  };

  return {
    async CreateLogGroup({ logGroupName, logGroupClass, kmsKeyId, tags, deletionProtectionEnabled }) {
      if (logGroupClass && logGroupClass !== "STANDARD")
        throw unsupported("logGroupClass", `the class ${logGroupClass}`);
      if (kmsKeyId !== undefined) throw unsupported("kmsKeyId", "encryption with a key of KMS");
      if (deletionProtectionEnabled)
        throw unsupported("deletionProtectionEnabled", "protection from deletion");
      if (!store.createGroup(logGroupName, checked(tags ?? {}))) throw groupExists();
      return {};
    },

    async DescribeLogGroups(input) {
      const { logGroupNamePrefix, logGroupNamePattern, logGroupClass, limit = 50, nextToken } = input;
      if (logGroupNamePrefix !== undefined && logGroupNamePattern !== undefined)
        throw invalid("logGroupNamePrefix and logGroupNamePattern cannot be specified together.");
      if (input.logGroupIdentifiers) throw unsupported("logGroupIdentifiers", "a list of groups");
      const found =
        logGroupClass && logGroupClass !== "STANDARD"
          ? []
          : store.groups({
              after: nextToken,
              prefix: logGroupNamePrefix,
              part: logGroupNamePattern ?? "",
              limit: limit + 1,
            });
      const page = found.slice(0, limit);
      return {
        logGroups: page.map((group) => describe(account, group)),
        ...(found.length > limit && { nextToken: page.at(-1)!.name }),
      };
    },

    async DeleteLogGroup({ logGroupName }) {
      if (!store.deleteGroup(logGroupName)) throw noGroup();
      return {};
    },

    async PutRetentionPolicy({ logGroupName, retentionInDays }) {
      if (!RETENTION_DAYS.includes(retentionInDays))
        throw invalid(
          `1 validation error detected: Value '${retentionInDays}' at 'retentionInDays' failed to satisfy constraint: ` +
            `Member must satisfy enum value set: [${RETENTION_DAYS.join(", ")}]`,
        );
      if (!store.setRetention(logGroupName, retentionInDays)) throw noGroup();
      return {};
    },

    async DeleteRetentionPolicy({ logGroupName }) {
      if (!store.setRetention(logGroupName, null)) throw noGroup();
      return {};
    },

    TagResource: async ({ resourceArn, tags }) => tag(tagged(resourceArn), tags),
    UntagResource: async ({ resourceArn, tagKeys }) => untag(tagged(resourceArn), tagKeys),
    ListTagsForResource: async ({ resourceArn }) => ({ tags: { ...tagged(resourceArn).tags } }),

    // what clients of before 2022 call
    TagLogGroup: async ({ logGroupName, tags }) => tag(named(logGroupName), tags),
    UntagLogGroup: async ({ logGroupName, tags }) => untag(named(logGroupName), tags),
    ListTagsLogGroup: async ({ logGroupName }) => ({ tags: { ...named(logGroupName).tags } }),
  };
}

function describe(account: Account, group: LogGroup): sdk.LogGroup {
  const arn = groupArn(account, group.name);
  return {
    logGroupName: group.name,
    creationTime: group.createdAt,
    ...(group.retentionDays !== undefined && { retentionInDays: group.retentionDays }),
    metricFilterCount: 0,
    arn: `${arn}:*`,
    logGroupArn: arn,
    storedBytes: group.bytes,
    logGroupClass: "STANDARD",
  };
}

function checked(tags: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const reserved = Object.keys(tags).find((key) => /^aws:/i.test(key));
  if (reserved) throw invalid(`The tag key ${reserved} begins with aws:, which is reserved for system use.`);
  return tags;
}
