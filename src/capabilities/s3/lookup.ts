/** What a request names, or the error that says it is not there. */
import type { DiskStore } from "../../objects/disk/disk-store.ts";
import type { Bucket, StoredObject } from "../../objects/disk/stored-object.ts";
import type { Context } from "../../wire/context.ts";
import { Fault } from "../../wire/http.ts";
import { invalidArgument, noSuchBucket, noSuchKey } from "./faults.ts";

export interface BucketInput {
  readonly Bucket: string;
  readonly ExpectedBucketOwner?: string | undefined;
}

export interface ObjectInput extends BucketInput {
  readonly Key: string;
  readonly VersionId?: string | undefined;
}

/** Throws NoSuchBucket, and AccessDenied when the client expects the bucket to be another account's. */
export function bucketOf(
  store: DiskStore,
  { Bucket, ExpectedBucketOwner }: BucketInput,
  { caller }: Context,
): Bucket {
  const bucket = store.bucket(Bucket);
  if (!bucket) throw noSuchBucket(Bucket);
  if (ExpectedBucketOwner !== undefined && ExpectedBucketOwner !== caller.accountId)
    throw new Fault("AccessDenied", "Access Denied", 403);
  return bucket;
}

/** Throws NoSuchBucket or NoSuchKey. */
export function objectOf(store: DiskStore, input: ObjectInput, context: Context): StoredObject {
  bucketOf(store, input, context);
  checkVersion(input.VersionId);
  const object = store.object(input.Bucket, input.Key);
  if (!object) throw noSuchKey(input.Key);
  return object;
}

/** Nothing is versioned: the one version of an object is called "null". Throws InvalidArgument. */
export function checkVersion(id: string | undefined): void {
  if (id !== undefined && id !== "null")
    throw invalidArgument("Invalid version id specified", "versionId", id);
}

/** The object that `x-amz-copy-source` names: `[/]bucket/key[?versionId=id]`, percent-encoded. */
export function copySourceOf(
  store: DiskStore,
  header: string,
  owner: string | undefined,
  context: Context,
): StoredObject {
  const [, name = "", query = ""] = /^([^?]*)(?:\?(.*))?$/s.exec(header) ?? [];
  let decoded = "";
  try {
    decoded = decodeURIComponent(name);
  } catch {
    // falls through to the refusal
  }
  const [, Bucket, Key] = /^\/?([^/]+)\/(.+)$/s.exec(decoded) ?? [];
  if (!Bucket || !Key)
    throw invalidArgument(
      "Copy Source must mention the source bucket and key: sourcebucket/sourcekey",
      "x-amz-copy-source",
      header,
    );
  const VersionId = new URLSearchParams(query).get("versionId") ?? undefined;
  return objectOf(store, { Bucket, Key, VersionId, ExpectedBucketOwner: owner }, context);
}
