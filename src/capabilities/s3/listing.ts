/** ListObjects in both versions: keys and common prefixes in UTF-8 order, a page at a time. */
import type * as sdk from "@aws-sdk/client-s3";
import type { DiskStore } from "../../objects/disk/disk-store.ts";
import type { StoredObject } from "../../objects/disk/stored-object.ts";
import type { Context } from "../../wire/context.ts";
import type { Handlers } from "../../wire/service.ts";
import { invalidArgument } from "./faults.ts";
import { storageClassOf } from "./about.ts";
import { bucketOf } from "./lookup.ts";
import { encoderOf, pageSize } from "./paging.ts";

export function listingHandlers(store: DiskStore): Handlers<typeof sdk, Context> {
  return {
    async ListObjectsV2(input, context) {
      bucketOf(store, input, context);
      const encode = encoderOf(input.EncodingType);
      const { ContinuationToken, StartAfter = "", Prefix = "", Delimiter = "" } = input;
      const limit = pageSize(input.MaxKeys, "max-keys");
      const after = ContinuationToken === undefined ? StartAfter : keyOfToken(ContinuationToken);
      const { rows, groups, next } = store.page(input.Bucket, {
        prefix: Prefix,
        delimiter: Delimiter,
        after,
        limit,
      });
      const owner = input.FetchOwner ? { Owner: { ID: context.caller.accountId } } : {};
      return {
        Name: input.Bucket,
        Prefix: encode(Prefix),
        MaxKeys: limit,
        KeyCount: rows.length + groups.length,
        IsTruncated: next !== undefined,
        ...(Delimiter && { Delimiter: encode(Delimiter) }),
        ...(StartAfter && { StartAfter: encode(StartAfter) }),
        ...(input.EncodingType && { EncodingType: input.EncodingType }),
        ...(ContinuationToken !== undefined && { ContinuationToken }),
        ...(next !== undefined && { NextContinuationToken: tokenOfKey(next) }),
        Contents: rows.map((object) => ({ ...listed(object, encode), ...owner })),
        CommonPrefixes: groups.map((group) => ({ Prefix: encode(group) })),
      };
    },

    async ListObjects(input, context) {
      bucketOf(store, input, context);
      const encode = encoderOf(input.EncodingType);
      const { Marker = "", Prefix = "", Delimiter = "" } = input;
      const limit = pageSize(input.MaxKeys, "max-keys");
      const query = { prefix: Prefix, delimiter: Delimiter, after: Marker, limit };
      const { rows, groups, next } = store.page(input.Bucket, query);
      return {
        Name: input.Bucket,
        Prefix: encode(Prefix),
        Marker: encode(Marker),
        MaxKeys: limit,
        IsTruncated: next !== undefined,
        ...(Delimiter && { Delimiter: encode(Delimiter) }),
        ...(input.EncodingType && { EncodingType: input.EncodingType }),
        // without a delimiter clients take the last key
        ...(next !== undefined && Delimiter && { NextMarker: encode(next) }),
        Contents: rows.map((object) => ({
          ...listed(object, encode),
          Owner: { ID: context.caller.accountId },
        })),
        CommonPrefixes: groups.map((group) => ({ Prefix: encode(group) })),
      };
    },
  };
}

function listed(object: StoredObject, encode: (text: string) => string): sdk._Object {
  const { checksum } = object.about;
  return {
    Key: encode(object.key),
    LastModified: new Date(object.modifiedAt),
    ETag: `"${object.etag}"`,
    Size: object.size,
    StorageClass: storageClassOf(object),
    ...(checksum && {
      ChecksumAlgorithm: [checksum.algorithm as sdk.ChecksumAlgorithm],
      ChecksumType: checksum.type,
    }),
  };
}

// the mark tells a token of ours from any other text
const TOKEN = "1";

function tokenOfKey(key: string): string {
  return TOKEN + Buffer.from(key).toString("base64url");
}

function keyOfToken(token: string): string {
  const key = Buffer.from(token.slice(1), "base64url").toString();
  if (tokenOfKey(key) !== token)
    throw invalidArgument("The continuation token provided is incorrect", "continuation-token", token);
  return key;
}
