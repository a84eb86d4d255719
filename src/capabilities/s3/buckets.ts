/** Buckets: make, find, list, delete. */
import type * as sdk from "@aws-sdk/client-s3";
import type { DiskStore } from "../../objects/disk/disk-store.ts";
import type { Context } from "../../wire/context.ts";
import { Fault } from "../../wire/http.ts";
import type { Handlers } from "../../wire/service.ts";
import { invalidArgument, notFound } from "./faults.ts";
import { bucketOf } from "./lookup.ts";
import { checkBucketName } from "./names.ts";
import { BUCKET_TAGS, tagsOfSet } from "./tags.ts";

const MOST_BUCKETS = 10_000;

export function bucketHandlers(store: DiskStore, region: string): Handlers<typeof sdk, Context> {
  return {
    async CreateBucket({ Bucket, CreateBucketConfiguration, ObjectLockEnabledForBucket }) {
      checkBucketName(Bucket);
      if (ObjectLockEnabledForBucket)
        throw new Fault("NotImplemented", "Buckets with object lock are not implemented.", 501);
      const { LocationConstraint, Tags } = CreateBucketConfiguration ?? {};
      const tags = tagsOfSet(Tags, BUCKET_TAGS);
      const location = LocationConstraint ?? region;
      // us-east-1 answers a second time with success, other regions with an error
      if (!store.createBucket(Bucket, location) && location !== "us-east-1")
        throw new Fault(
          "BucketAlreadyOwnedByYou",
          "Your previous request to create the named bucket succeeded and you already own it.",
          409,
          { BucketName: Bucket },
        );
      if (Tags?.length) store.setBucketTags(Bucket, tags);
      return { Location: `/${Bucket}` };
    },

    async HeadBucket(input, context) {
      if (!store.bucket(input.Bucket)) throw notFound();
      const { location } = bucketOf(store, input, context);
      return { BucketRegion: location };
    },

    async GetBucketLocation(input, context) {
      const { location } = bucketOf(store, input, context);
      return location === "us-east-1" ? {} : { LocationConstraint: location as sdk.BucketLocationConstraint };
    },

    async ListBuckets({ Prefix = "", ContinuationToken, MaxBuckets }, { caller }) {
      const most = MaxBuckets ?? MOST_BUCKETS;
      if (!(most >= 1 && most <= MOST_BUCKETS))
        throw invalidArgument(
          `Argument max-buckets must be an integer between 1 and ${MOST_BUCKETS}`,
          "max-buckets",
          String(most),
        );
      const after = ContinuationToken ? Buffer.from(ContinuationToken, "base64url").toString() : "";
      const found = store.buckets(Prefix, after, most + 1);
      const page = found.slice(0, most);
      const more = found.length > most;
      return {
        Buckets: page.map(({ name, createdAt, location }) => ({
          Name: name,
          CreationDate: new Date(createdAt),
          ...(MaxBuckets !== undefined && { BucketRegion: location }),
        })),
        Owner: { ID: caller.accountId },
        ...(Prefix && { Prefix }),
        ...(more && { ContinuationToken: Buffer.from(page.at(-1)!.name).toString("base64url") }),
      };
    },

    async DeleteBucket(input, context) {
      bucketOf(store, input, context);
      if (!store.deleteBucket(input.Bucket))
        throw new Fault("BucketNotEmpty", "The bucket you tried to delete is not empty", 409, {
          BucketName: input.Bucket,
        });
      return {};
    },
  };
}
