/** Tags of rules. */
import type * as sdk from "@aws-sdk/client-eventbridge";
import { type ResourceStore, TooManyTags } from "../../state/store.ts";
import type { Context } from "../../wire/context.ts";
import type { Handlers } from "../../wire/service.ts";
import { invalid, limitExceeded, notFound } from "./faults.ts";

const MOST_TAGS = 50;

type Operations = Pick<
  Handlers<typeof sdk, Context>,
  "TagResource" | "UntagResource" | "ListTagsForResource"
>;

export function tagOperations(store: ResourceStore): Operations {
  const missing = (arn: string) => notFound(`Resource ${arn} does not exist.`);
  const isRule = (arn: string) => /^arn:aws[a-z-]*:events:[^:]*:[^:]*:rule\//.test(arn);
  return {
    async TagResource({ ResourceARN, Tags }) {
      try {
        if (!isRule(ResourceARN) || !(await store.putTags(ResourceARN, tagsFrom(Tags), MOST_TAGS)))
          throw missing(ResourceARN);
      } catch (error) {
        if (error instanceof TooManyTags) throw limitExceeded();
        throw error;
      }
      return {};
    },

    async UntagResource({ ResourceARN, TagKeys }) {
      if (!isRule(ResourceARN) || !(await store.removeTags(ResourceARN, TagKeys))) throw missing(ResourceARN);
      return {};
    },

    async ListTagsForResource({ ResourceARN }) {
      const tags = isRule(ResourceARN) ? await store.tags(ResourceARN) : undefined;
      if (!tags) throw missing(ResourceARN);
      return { Tags: [...tags].map(([Key, Value]) => ({ Key, Value })) };
    },
  };
}

/** Tags of a request as the store keeps them. */
export function tagsFrom(tags: readonly Partial<sdk.Tag>[]): Record<string, string> {
  const reserved = tags.find(({ Key = "" }) => /^aws:/i.test(Key));
  if (reserved) throw invalid(`The tag key ${reserved.Key} begins with aws:, which is reserved.`);
  const found = Object.fromEntries(tags.map(({ Key = "", Value = "" }) => [Key, Value]));
  if (Object.keys(found).length > MOST_TAGS) throw limitExceeded();
  return found;
}
