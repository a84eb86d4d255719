/** One object: put, get, head, attributes, delete. */
import type * as sdk from "@aws-sdk/client-s3";
import type { DiskStore } from "../../objects/disk/disk-store.ts";
import type { StoredObject } from "../../objects/disk/stored-object.ts";
import type { Context } from "../../wire/context.ts";
import { Fault } from "../../wire/http.ts";
import type { Handlers } from "../../wire/service.ts";
import { describe, headersToKeep, refuseUnsupported, storageClassOf } from "./about.ts";
import { BodyCheck, checksumMembers } from "./checksums.ts";
import { checkRead, type ReadConditions, writeCondition } from "./conditions.ts";
import { invalidArgument, malformedXml, notFound } from "./faults.ts";
import { bucketOf, checkVersion, objectOf } from "./lookup.ts";
import { checkKey } from "./names.ts";
import { pageSize } from "./paging.ts";
import { parseRange } from "./ranges.ts";
import { tagsOfHeader } from "./tags.ts";

/** What one PutObject, or one part of an upload, may hold: 5 GiB. */
export const PUT_LIMIT = 5 * 2 ** 30;

export function objectHandlers(store: DiskStore): Handlers<typeof sdk, Context> {
  return {
    async PutObject(input, context) {
      bucketOf(store, input, context);
      checkKey(input.Key);
      refuseUnsupported(input);
      const headers = headersToKeep(input);
      const tags = tagsOfHeader(input.Tagging);
      const condition = writeCondition(input.Key, input);
      condition(store.object(input.Bucket, input.Key)); // refused before the body is read, if it can be
      const check = new BodyCheck(input, context);
      await using staged = await store.stage(check.through(input.Body), PUT_LIMIT);
      const value = await check.verify(staged);
      const checksum =
        value === undefined
          ? undefined
          : ({ algorithm: check.algorithm!, type: "FULL_OBJECT", value } as const);
      const { etag } = store.commit(input.Bucket, input.Key, staged, { headers, tags, checksum }, condition);
      return {
        ETag: `"${etag}"`,
        ...checksumMembers(checksum),
        ...(checksum && { ChecksumType: checksum.type }),
      };
    },

    async GetObject(input, context) {
      const object = objectOf(store, input, context);
      const { start, end, output } = read(store, object, input);
      return { ...output, Body: store.read(object, start, end, context.signal) };
    },

    async HeadObject(input, context) {
      if (!store.object(input.Bucket, input.Key)) throw notFound();
      return read(store, objectOf(store, input, context), input).output;
    },

    async GetObjectAttributes(input, context) {
      const object = objectOf(store, input, context);
      const asked = new Set<string>(input.ObjectAttributes);
      const { checksum } = object.about;
      const parts = store.parts(object.content);
      const after = Number(input.PartNumberMarker ?? 0);
      const most = pageSize(input.MaxParts, "max-parts");
      const page = parts.filter(({ number }) => number > after).slice(0, most);
      const more = page.length > 0 && page.at(-1)!.number < parts.at(-1)!.number;
      return {
        LastModified: new Date(object.modifiedAt),
        ...(asked.has("ETag") && { ETag: object.etag }),
        ...(asked.has("ObjectSize") && { ObjectSize: object.size }),
        ...(asked.has("StorageClass") && { StorageClass: storageClassOf(object) }),
        ...(asked.has("Checksum") &&
          checksum && { Checksum: { ...checksumMembers(checksum), ChecksumType: checksum.type } }),
        ...(asked.has("ObjectParts") &&
          isMultipart(object) && {
            ObjectParts: {
              TotalPartsCount: parts.length,
              PartNumberMarker: String(after),
              MaxParts: most,
              IsTruncated: more,
              ...(more && { NextPartNumberMarker: String(page.at(-1)!.number) }),
              // S3 lists the parts of objects with checksums only
              ...(checksum && {
                Parts: page.map(({ number, size, checksum: value }) => ({
                  PartNumber: number,
                  Size: size,
                  ...(value !== null && checksumMembers({ algorithm: checksum.algorithm, value })),
                })),
              }),
            },
          }),
      };
    },

    async DeleteObject(input, context) {
      bucketOf(store, input, context);
      checkVersion(input.VersionId);
      store.remove(input.Bucket, input.Key, ifMatch(input.Key, input.IfMatch));
      return {};
    },

    async DeleteObjects(input, context) {
      bucketOf(store, input, context);
      const objects = input.Delete.Objects ?? [];
      if (objects.length === 0 || objects.length > 1000 || objects.some(({ Key }) => !Key))
        throw malformedXml();
      const simple = objects.filter(({ ETag, VersionId }) => ETag === undefined && VersionId === undefined);
      const keys = simple.map(({ Key }) => Key);
      store.removeMany(input.Bucket, keys);
      const errors: sdk._Error[] = [];
      for (const { Key, ETag, VersionId } of objects.filter((one) => !simple.includes(one)))
        try {
          checkVersion(VersionId);
          store.remove(input.Bucket, Key, ifMatch(Key, ETag));
          keys.push(Key);
        } catch (error) {
          if (!(error instanceof Fault)) throw error;
          errors.push({ Key, Code: error.name, Message: error.message });
        }
      return {
        ...(!input.Delete.Quiet && { Deleted: keys.map((Key) => ({ Key })) }),
        ...(errors.length && { Errors: errors }),
      };
    },
  };
}

/** Multipart objects are known by their ETag, as in S3. */
export function isMultipart({ etag }: StoredObject): boolean {
  return etag.includes("-");
}

function ifMatch(key: string, IfMatch: string | undefined) {
  return IfMatch === undefined ? undefined : writeCondition(key, { IfMatch });
}

interface ReadInput extends ReadConditions {
  readonly Range?: string | undefined;
  readonly PartNumber?: number | undefined;
  readonly ChecksumMode?: string | undefined;
  readonly SSECustomerAlgorithm?: string | undefined;
}

/** Which bytes a GET or HEAD asks for, and all of its answer but the body. */
function read(store: DiskStore, object: StoredObject, input: ReadInput) {
  refuseUnsupported(input);
  checkRead(object, input);
  const { size, about } = object;
  const part = input.PartNumber === undefined ? undefined : partRange(store, object, input.PartNumber);
  if (part && input.Range !== undefined)
    throw new Fault("InvalidRequest", "Cannot specify both Range header and partNumber query parameter", 400);
  const range = part ?? parseRange(input.Range, size);
  const { start, end } = range ?? { start: 0, end: size };
  // clients compare it with the bytes that they get, so not with a stretch of them
  const checksum = input.ChecksumMode === "ENABLED" && !(end - start < size) ? about.checksum : undefined;
  const output = {
    ...describe(object),
    ...overrides(input as Record<string, unknown>),
    ...checksumMembers(checksum),
    ...(checksum && { ChecksumType: checksum.type }),
    ContentLength: end - start,
    ...(range && end > start && { ContentRange: `bytes ${start}-${end - 1}/${size}` }),
    ...(part && isMultipart(object) && { PartsCount: part.count }),
  };
  return { start, end, output };
}

function partRange(store: DiskStore, { content }: StoredObject, number: number) {
  if (!(number >= 1 && number <= 10_000))
    throw invalidArgument(
      "Part number must be an integer between 1 and 10000, inclusive",
      "partNumber",
      String(number),
    );
  const parts = store.parts(content);
  const index = parts.findIndex((part) => part.number === number);
  if (index < 0) throw new Fault("InvalidPartNumber", "The requested partnumber is not satisfiable", 416);
  const start = parts.slice(0, index).reduce((sum, { size }) => sum + size, 0);
  return { start, end: start + parts[index]!.size, count: parts.length };
}

/** `response-content-type` and the like, which presigned links use. */
function overrides(input: Record<string, unknown>) {
  const names = [
    "CacheControl",
    "ContentDisposition",
    "ContentEncoding",
    "ContentLanguage",
    "ContentType",
    "Expires",
  ];
  return Object.fromEntries(
    names.flatMap((name) =>
      input[`Response${name}`] === undefined ? [] : [[name, input[`Response${name}`]]],
    ),
  );
}
