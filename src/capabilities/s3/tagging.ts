/** Tags of objects and buckets. */
import type * as sdk from "@aws-sdk/client-s3";
import type { DiskStore } from "../../objects/disk/disk-store.ts";
import type { Context } from "../../wire/context.ts";
import { Fault } from "../../wire/http.ts";
import type { Handlers } from "../../wire/service.ts";
import { bucketOf, objectOf } from "./lookup.ts";
import { BUCKET_TAGS, OBJECT_TAGS, tagSet, tagsOfSet } from "./tags.ts";

export function taggingHandlers(store: DiskStore): Handlers<typeof sdk, Context> {
  return {
    async PutObjectTagging(input, context) {
      store.setTags(objectOf(store, input, context), tagsOfSet(input.Tagging.TagSet, OBJECT_TAGS));
      return {};
    },

    async GetObjectTagging(input, context) {
      return { TagSet: tagSet(objectOf(store, input, context).about.tags) };
    },

    async DeleteObjectTagging(input, context) {
      store.setTags(objectOf(store, input, context), {});
      return {};
    },

    async PutBucketTagging(input, context) {
      bucketOf(store, input, context);
      store.setBucketTags(input.Bucket, tagsOfSet(input.Tagging.TagSet, BUCKET_TAGS));
      return {};
    },

    async GetBucketTagging(input, context) {
      const { tags } = bucketOf(store, input, context);
      if (!tags)
        throw new Fault("NoSuchTagSet", "The TagSet does not exist", 404, { BucketName: input.Bucket });
      return { TagSet: tagSet(tags) };
    },

    async DeleteBucketTagging(input, context) {
      bucketOf(store, input, context);
      store.setBucketTags(input.Bucket, undefined);
      return {};
    },
  };
}
