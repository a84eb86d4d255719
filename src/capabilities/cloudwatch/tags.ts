/** Tags of alarms. */
import type * as sdk from "@aws-sdk/client-cloudwatch";
import { type ResourceStore, TooManyTags } from "../../state/store.ts";
import type { Context } from "../../wire/context.ts";
import type { Handlers } from "../../wire/service.ts";
import { CloudWatchError, invalidValue } from "./faults.ts";

const MOST_TAGS = 50;

type TagOperations = Pick<
  Handlers<typeof sdk, Context>,
  "TagResource" | "UntagResource" | "ListTagsForResource"
>;

export function tagOperations(store: ResourceStore): TagOperations {
  const missing = (arn: string) =>
    new CloudWatchError("ResourceNotFoundException", `The resource ${arn} does not exist.`);
  const isAlarm = (arn: string) => /^arn:aws[a-z-]*:cloudwatch:[^:]*:[^:]*:alarm:/.test(arn);
  return {
    async TagResource({ ResourceARN, Tags }) {
      try {
        if (!isAlarm(ResourceARN) || !(await store.putTags(ResourceARN, tagsFrom(Tags), MOST_TAGS)))
          throw missing(ResourceARN);
      } catch (error) {
        if (error instanceof TooManyTags) throw tooMany();
        throw error;
      }
      return {};
    },

    async UntagResource({ ResourceARN, TagKeys }) {
      if (!isAlarm(ResourceARN) || !(await store.removeTags(ResourceARN, TagKeys)))
        throw missing(ResourceARN);
      return {};
    },

    async ListTagsForResource({ ResourceARN }) {
      const tags = isAlarm(ResourceARN) ? await store.tags(ResourceARN) : undefined;
      if (!tags) throw missing(ResourceARN);
      return { Tags: [...tags].map(([Key, Value]) => ({ Key, Value })) };
    },
  };
}

/** Tags of a request as the store keeps them. */
export function tagsFrom(tags: readonly sdk.Tag[]): Record<string, string> {
  const found = new Map<string, string>();
  for (const { Key = "", Value = "" } of tags) {
    if (/^aws:/i.test(Key))
      throw invalidValue(`The tag key ${Key} begins with aws:, which is reserved for system use.`);
    if (found.has(Key)) throw invalidValue(`The tag key ${Key} is given twice.`);
    found.set(Key, Value);
  }
  if (found.size > MOST_TAGS) throw tooMany();
  return Object.fromEntries(found);
}

const tooMany = () => invalidValue(`A resource can have up to ${MOST_TAGS} tags.`);
