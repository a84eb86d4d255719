/** AddTags, ListTags, DeleteTags: on any resource that the store knows by its ARN. */
import type * as sagemaker from "@aws-sdk/client-sagemaker";
import type { IsolationLevel } from "../../compute/isolation/isolation.ts";
import { invalid } from "../../sagemaker/errors.ts";
import { tagsOf } from "../../sagemaker/tags.ts";
import { type ResourceStore, TooManyTags } from "../../state/store.ts";
import type { Context } from "../../wire/context.ts";
import { Fault } from "../../wire/http.ts";
import type { Handlers } from "../../wire/service.ts";

const MOST_TAGS = 50;
const PAGE = 50;

type TagOperations = Pick<Handlers<typeof sagemaker, Context>, "AddTags" | "ListTags" | "DeleteTags">;

/** `isolation` is how the instances of every endpoint are kept apart. */
export function tagOperations(store: ResourceStore, isolation?: IsolationLevel): TagOperations {
  const own = isolation
    ? [
        { Key: "aws:tideway:memory-limit", Value: isolation.memory },
        { Key: "aws:tideway:sandbox", Value: isolation.sandbox },
      ]
    : [];
  const sorted = async (resourceArn: string) => {
    const tags = await store.tags(resourceArn);
    if (!tags) throw missing(resourceArn);
    return [...tags].map(([Key, Value]) => ({ Key, Value }));
  };
  return {
    async AddTags({ ResourceArn, Tags }) {
      try {
        if (!(await store.putTags(ResourceArn, tagsOf(Tags), MOST_TAGS))) throw missing(ResourceArn);
      } catch (error) {
        if (error instanceof TooManyTags)
          throw new Fault("ResourceLimitExceeded", `A resource can have ${MOST_TAGS} tags at the most.`);
        throw error;
      }
      return { Tags: await sorted(ResourceArn) };
    },

    async ListTags({ ResourceArn, MaxResults = PAGE, NextToken }) {
      const given = await sorted(ResourceArn);
      const all = /:endpoint\/[^/]+$/.test(ResourceArn) ? [...given, ...own] : given;
      const after = NextToken === undefined ? "" : Buffer.from(NextToken, "base64url").toString();
      if (NextToken !== undefined && !all.some(({ Key }) => Key === after))
        throw invalid("NextToken is not one that this request was given before.");
      const start = NextToken === undefined ? 0 : all.findIndex(({ Key }) => Key === after) + 1;
      const page = all.slice(start, start + MaxResults);
      const more = start + page.length < all.length;
      return {
        Tags: page,
        NextToken: more ? Buffer.from(page.at(-1)!.Key).toString("base64url") : undefined,
      };
    },

    async DeleteTags({ ResourceArn, TagKeys }) {
      if (!(await store.removeTags(ResourceArn, TagKeys))) throw missing(ResourceArn);
      return {};
    },
  };
}

const missing = (arn: string) => new Fault("ResourceNotFound", `Could not find the resource "${arn}".`);
