/** Conditional requests: what If-Match and its kin ask, by RFC 9110 13.2.2 as S3 keeps it. */
import type { StoredObject } from "../../objects/disk/stored-object.ts";
import { noSuchKey, notImplemented, notModified, preconditionFailed } from "./faults.ts";

export interface ReadConditions {
  readonly IfMatch?: string | undefined;
  readonly IfNoneMatch?: string | undefined;
  readonly IfModifiedSince?: Date | undefined;
  readonly IfUnmodifiedSince?: Date | undefined;
}

type Version = Pick<StoredObject, "etag" | "modifiedAt">;

/** Throws PreconditionFailed or NotModified unless the object may be read. */
export function checkRead(object: Version, asked: ReadConditions): void {
  const failed = failedCondition(object, asked);
  if (failed === "If-None-Match" || failed === "If-Modified-Since") throw notModified();
  if (failed) throw preconditionFailed(failed);
}

/** The same for the source of a copy, where nothing is answered with 304. */
export function checkCopySource(
  object: Version,
  asked: {
    readonly CopySourceIfMatch?: string | undefined;
    readonly CopySourceIfNoneMatch?: string | undefined;
    readonly CopySourceIfModifiedSince?: Date | undefined;
    readonly CopySourceIfUnmodifiedSince?: Date | undefined;
  },
): void {
  const failed = failedCondition(object, {
    IfMatch: asked.CopySourceIfMatch,
    IfNoneMatch: asked.CopySourceIfNoneMatch,
    IfModifiedSince: asked.CopySourceIfModifiedSince,
    IfUnmodifiedSince: asked.CopySourceIfUnmodifiedSince,
  });
  if (failed) throw preconditionFailed(`x-amz-copy-source-${failed}`);
}

/** Checked against what is there when the write is committed. S3 knows `If-None-Match: *` only. */
export function writeCondition(
  key: string,
  asked: { readonly IfMatch?: string | undefined; readonly IfNoneMatch?: string | undefined },
): (existing: StoredObject | undefined) => void {
  const { IfMatch, IfNoneMatch } = asked;
  if (IfNoneMatch !== undefined && IfNoneMatch !== "*") throw notImplemented("If-None-Match");
  return (existing) => {
    if (IfNoneMatch !== undefined && existing) throw preconditionFailed("If-None-Match");
    if (IfMatch === undefined) return;
    if (!existing) throw noSuchKey(key);
    if (!isAmong(existing.etag, IfMatch)) throw preconditionFailed("If-Match");
  };
}

function failedCondition({ etag, modifiedAt }: Version, asked: ReadConditions): string | undefined {
  const { IfMatch, IfNoneMatch, IfModifiedSince, IfUnmodifiedSince } = asked;
  const seconds = Math.floor(modifiedAt / 1000) * 1000; // what Last-Modified told
  if (IfMatch !== undefined) {
    if (!isAmong(etag, IfMatch)) return "If-Match";
  } else if (IfUnmodifiedSince && seconds > IfUnmodifiedSince.getTime()) return "If-Unmodified-Since";
  if (IfNoneMatch !== undefined) {
    if (isAmong(etag, IfNoneMatch)) return "If-None-Match";
  } else if (IfModifiedSince && seconds <= IfModifiedSince.getTime()) return "If-Modified-Since";
  return undefined;
}

function isAmong(etag: string, list: string): boolean {
  return list.split(",").some((one) => {
    const tag = one.trim().replace(/^W\//, "");
    return tag === "*" || tag.replaceAll('"', "") === etag;
  });
}
