/** CopyObject: another object with the same bytes, of which none is written again. */
import type * as sdk from "@aws-sdk/client-s3";
import type { DiskStore } from "../../objects/disk/disk-store.ts";
import type { Checksum } from "../../objects/disk/stored-object.ts";
import type { Context } from "../../wire/context.ts";
import type { Handlers } from "../../wire/service.ts";
import { headersToKeep, refuseUnsupported } from "./about.ts";
import { algorithmNamed, checksumMembers, checksumOf } from "./checksums.ts";
import { checkCopySource, writeCondition } from "./conditions.ts";
import { entityTooLarge, invalidRequest, noSuchKey } from "./faults.ts";
import { bucketOf, copySourceOf } from "./lookup.ts";
import { checkKey } from "./names.ts";
import { PUT_LIMIT } from "./objects.ts";
import { tagsOfHeader } from "./tags.ts";

export function copyHandlers(store: DiskStore): Handlers<typeof sdk, Context> {
  return {
    async CopyObject(input, context) {
      bucketOf(store, input, context);
      checkKey(input.Key);
      refuseUnsupported(input);
      const source = copySourceOf(store, input.CopySource, input.ExpectedSourceBucketOwner, context);
      checkCopySource(source, input);
      if (source.size > PUT_LIMIT) throw entityTooLarge(PUT_LIMIT);
      const replaces = input.MetadataDirective === "REPLACE";
      const changes =
        replaces || (input.StorageClass ?? input.WebsiteRedirectLocation ?? input.ServerSideEncryption);
      if (!changes && source.bucket === input.Bucket && source.key === input.Key)
        throw invalidRequest(
          "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.",
        );
      const { StorageClass: _, ...kept } = source.about.headers;
      const headers = replaces
        ? headersToKeep(input)
        : { ...kept, ...headersToKeep({ StorageClass: input.StorageClass }) };
      const tags = input.TaggingDirective === "REPLACE" ? tagsOfHeader(input.Tagging) : source.about.tags;
      const condition = writeCondition(input.Key, input);
      const checksum = await checksumFor(source.about.checksum, input.ChecksumAlgorithm);
      // the source may have been replaced while it was read for a checksum
      if (store.object(source.bucket, source.key)?.content !== source.content) throw noSuchKey(source.key);
      const copy = store.copy(source, input.Bucket, input.Key, { headers, tags, checksum }, condition);
      return {
        CopyObjectResult: {
          ETag: `"${copy.etag}"`,
          LastModified: new Date(copy.modifiedAt),
          ...checksumMembers(checksum),
          ...(checksum && { ChecksumType: checksum.type }),
        },
      };

      async function checksumFor(
        has: Checksum | undefined,
        asked: string | undefined,
      ): Promise<Checksum | undefined> {
        const algorithm = algorithmNamed(asked);
        if (!algorithm || algorithm === has?.algorithm) return has;
        return { algorithm, type: "FULL_OBJECT", value: await checksumOf(algorithm, store.read(source)) };
      }
    },
  };
}
