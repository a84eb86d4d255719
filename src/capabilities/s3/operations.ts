/** Amazon S3's operations on the embedded store. */
import type * as sdk from "@aws-sdk/client-s3";
import { StorageFull } from "../../base/sqlite/database.ts";
import type { DiskStore } from "../../objects/disk/disk-store.ts";
import { TooLarge } from "../../objects/disk/object-files.ts";
import { NoSuchObject } from "../../objects/object-store.ts";
import type { Context } from "../../wire/context.ts";
import type { Handlers } from "../../wire/service.ts";
import { bucketSettingHandlers } from "./bucket-settings.ts";
import { bucketHandlers } from "./buckets.ts";
import { copyHandlers } from "./copying.ts";
import { entityTooLarge, noSuchBucket, noSuchUpload, slowDown } from "./faults.ts";
import { listingHandlers } from "./listing.ts";
import { multipartHandlers } from "./multipart.ts";
import { objectHandlers, PUT_LIMIT } from "./objects.ts";
import { taggingHandlers } from "./tagging.ts";

/** All that S3 answers from the embedded store; `region` is where buckets are made that do not say where. */
export function s3Handlers(store: DiskStore, region: string): Handlers<typeof sdk, Context> {
  const handlers = {
    ...bucketHandlers(store, region),
    ...bucketSettingHandlers(store),
    ...objectHandlers(store),
    ...copyHandlers(store),
    ...listingHandlers(store),
    ...multipartHandlers(store),
    ...taggingHandlers(store),
  };
  return Object.fromEntries(
    Object.entries(handlers).map(([name, handler]) => [name, inS3sWords(handler as AnyHandler)]),
  );
}

type AnyHandler = (input: { Bucket: string; UploadId?: string }, context: Context) => Promise<object>;

/** The store's own errors, which it can not word as S3 does. */
function inS3sWords(handler: AnyHandler): AnyHandler {
  return (input, context) =>
    handler(input, context).catch((error: unknown) => {
      if (error instanceof StorageFull) throw slowDown();
      if (error instanceof TooLarge) throw entityTooLarge(PUT_LIMIT);
      // gone since it was looked up
      if (error instanceof NoSuchObject)
        throw input.UploadId ? noSuchUpload(input.UploadId) : noSuchBucket(input.Bucket);
      throw error;
    });
}
