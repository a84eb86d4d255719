/** Multipart uploads, from their start to the object or the abort. */
import type * as sdk from "@aws-sdk/client-s3";
import { type DiskStore, etagOfParts } from "../../objects/disk/disk-store.ts";
import type { Checksum, Part, Upload } from "../../objects/disk/stored-object.ts";
import type { Context } from "../../wire/context.ts";
import { Fault } from "../../wire/http.ts";
import type { Handlers } from "../../wire/service.ts";
import { headersToKeep, refuseUnsupported } from "./about.ts";
import {
  type Algorithm,
  algorithmNamed,
  algorithmsOf,
  BodyCheck,
  checksumMembers,
  type ChecksumMembers,
  checksumOfParts,
  checksumTypeOf,
} from "./checksums.ts";
import { checkCopySource, writeCondition } from "./conditions.ts";
import { badDigest, invalidArgument, invalidRequest, malformedXml, noSuchUpload } from "./faults.ts";
import { bucketOf, type BucketInput, copySourceOf } from "./lookup.ts";
import { checkKey } from "./names.ts";
import { PUT_LIMIT } from "./objects.ts";
import { encoderOf, pageSize } from "./paging.ts";
import { parseCopyRange } from "./ranges.ts";
import { tagsOfHeader } from "./tags.ts";

const PART_MINIMUM = 5 * 2 ** 20;

export function multipartHandlers(store: DiskStore): Handlers<typeof sdk, Context> {
  const { uploads } = store;

  function uploadOf(input: BucketInput & { Key: string; UploadId: string }, context: Context): Upload {
    bucketOf(store, input, context);
    const upload = uploads.find(input.UploadId);
    if (upload?.bucket !== input.Bucket || upload.key !== input.Key) throw noSuchUpload(input.UploadId);
    return upload;
  }

  async function addPart(
    upload: Upload,
    number: number,
    body: AsyncIterable<Uint8Array> | undefined,
    declared: ConstructorParameters<typeof BodyCheck>[0],
    context: Context,
  ) {
    const check = new BodyCheck(declared, context, upload.about.algorithm);
    await using staged = await store.stage(check.through(body), PUT_LIMIT);
    const value = await check.verify(staged);
    const part = uploads.addPart(upload.id, number, staged, upload.about.algorithm ? value : undefined);
    const sums = check.algorithm ? checksumMembers({ algorithm: check.algorithm, value: value! }) : {};
    return { part, sums };
  }

  return {
    async CreateMultipartUpload(input, context) {
      bucketOf(store, input, context);
      checkKey(input.Key);
      refuseUnsupported(input);
      const algorithm = algorithmNamed(input.ChecksumAlgorithm);
      const checksumType = algorithm && checksumTypeOf(algorithm, input.ChecksumType);
      const { id } = uploads.start(input.Bucket, input.Key, {
        headers: headersToKeep(input),
        tags: tagsOfHeader(input.Tagging),
        ...(algorithm && { algorithm }),
        ...(checksumType && { checksumType }),
      });
      return {
        Bucket: input.Bucket,
        Key: input.Key,
        UploadId: id,
        ...(algorithm && { ChecksumAlgorithm: algorithm }),
        ...(checksumType && { ChecksumType: checksumType }),
      };
    },

    async UploadPart(input, context) {
      const upload = uploadOf(input, context);
      refuseUnsupported(input);
      checkPartNumber(input.PartNumber);
      const { part, sums } = await addPart(upload, input.PartNumber, input.Body, input, context);
      return { ETag: `"${part.md5}"`, ...sums };
    },

    async UploadPartCopy(input, context) {
      const upload = uploadOf(input, context);
      refuseUnsupported(input);
      checkPartNumber(input.PartNumber);
      const source = copySourceOf(store, input.CopySource, input.ExpectedSourceBucketOwner, context);
      checkCopySource(source, input);
      const { start, end } = parseCopyRange(input.CopySourceRange, source.size);
      const body = store.read(source, start, end, context.signal);
      const { part, sums } = await addPart(upload, input.PartNumber, body, {}, context);
      return { CopyPartResult: { ETag: `"${part.md5}"`, LastModified: new Date(part.modifiedAt), ...sums } };
    },

    async CompleteMultipartUpload(input, context) {
      bucketOf(store, input, context);
      const { Bucket, Key, UploadId } = input;
      const answer = (etag: string, checksum: Checksum | undefined) => ({
        Location: `http://${context.request.headers.host ?? "localhost"}/${Bucket}/${encodeURI(Key)}`,
        Bucket,
        Key,
        ETag: `"${etag}"`,
        ...checksumMembers(checksum),
        ...(checksum && { ChecksumType: checksum.type }),
      });
      // a client that lost the first answer asks again
      const done = store.object(Bucket, Key);
      if (done?.content === UploadId) return answer(done.etag, done.about.checksum);

      const upload = uploadOf(input, context);
      const parts = chosenParts(store.parts(UploadId), input.MultipartUpload?.Parts);
      const size = parts.reduce((sum, part) => sum + part.size, 0);
      if (input.MpuObjectSize !== undefined && input.MpuObjectSize !== size)
        throw invalidRequest(
          `The provided 'x-amz-mp-object-size' header does not match what was computed. Expected ${input.MpuObjectSize}, computed ${size}`,
        );
      const checksum = await checksumOfUpload(upload, parts, input);
      const etag = etagOfParts(parts.map(({ md5 }) => ({ etag: md5 })));
      const { headers, tags } = upload.about;
      store.complete(
        upload,
        parts.map(({ number }) => number),
        etag,
        { headers, tags, checksum },
        writeCondition(Key, input),
      );
      return answer(etag, checksum);
    },

    async AbortMultipartUpload(input, context) {
      uploads.abort(uploadOf(input, context).id);
      return {};
    },

    async ListParts(input, context) {
      const { id, key, bucket, about } = uploadOf(input, context);
      const limit = pageSize(input.MaxParts, "max-parts");
      const marker = input.PartNumberMarker ?? "0";
      const behind = store.parts(id).filter(({ number }) => number > Number(marker));
      const page = behind.slice(0, limit);
      const owner = { ID: context.caller.accountId };
      return {
        Bucket: bucket,
        Key: key,
        UploadId: id,
        PartNumberMarker: marker,
        MaxParts: limit,
        IsTruncated: behind.length > page.length,
        ...(page.length && { NextPartNumberMarker: String(page.at(-1)!.number) }),
        Initiator: owner,
        Owner: owner,
        StorageClass: (about.headers.StorageClass as sdk.StorageClass | undefined) ?? "STANDARD",
        ...(about.algorithm && { ChecksumAlgorithm: about.algorithm as Algorithm }),
        ...(about.checksumType && { ChecksumType: about.checksumType }),
        Parts: page.map(({ number, size, md5, modifiedAt, checksum }) => ({
          PartNumber: number,
          Size: size,
          ETag: `"${md5}"`,
          LastModified: new Date(modifiedAt),
          ...(checksum !== null && checksumMembers({ algorithm: about.algorithm!, value: checksum })),
        })),
      };
    },

    async ListMultipartUploads(input, context) {
      bucketOf(store, input, context);
      const encode = encoderOf(input.EncodingType);
      const limit = pageSize(input.MaxUploads, "max-uploads");
      const { KeyMarker = "", UploadIdMarker, Prefix = "", Delimiter = "" } = input;
      const query = { prefix: Prefix, delimiter: Delimiter, after: KeyMarker, limit };
      // without a key marker S3 ignores the other one
      const { rows, groups, next } = uploads.page(
        input.Bucket,
        query,
        KeyMarker ? UploadIdMarker : undefined,
      );
      const owner = { ID: context.caller.accountId };
      const last = rows.at(-1);
      return {
        Bucket: input.Bucket,
        Prefix: encode(Prefix),
        KeyMarker: encode(KeyMarker),
        UploadIdMarker: UploadIdMarker ?? "",
        MaxUploads: limit,
        IsTruncated: next !== undefined,
        ...(Delimiter && { Delimiter: encode(Delimiter) }),
        ...(input.EncodingType && { EncodingType: input.EncodingType }),
        ...(next !== undefined && {
          NextKeyMarker: encode(next),
          ...(last?.key === next && { NextUploadIdMarker: last.id }),
        }),
        Uploads: rows.map(({ id, key, createdAt, about }) => ({
          UploadId: id,
          Key: encode(key),
          Initiated: new Date(createdAt),
          StorageClass: (about.headers.StorageClass as sdk.StorageClass | undefined) ?? "STANDARD",
          Owner: owner,
          Initiator: owner,
          ...(about.algorithm && { ChecksumAlgorithm: about.algorithm as Algorithm }),
          ...(about.checksumType && { ChecksumType: about.checksumType }),
        })),
        CommonPrefixes: groups.map((group) => ({ Prefix: encode(group) })),
      };
    },
  };
}

function checkPartNumber(number: number): void {
  if (!(Number.isInteger(number) && number >= 1 && number <= 10_000))
    throw invalidArgument(
      "Part number must be an integer between 1 and 10000, inclusive",
      "partNumber",
      String(number),
    );
}

type Named = ChecksumMembers & { readonly PartNumber?: number; readonly ETag?: string };

/** The parts that the client names, each as it was uploaded, in order, and none but the last too small. */
function chosenParts(uploaded: readonly Part[], named: readonly Named[] | undefined): Part[] {
  if (!named?.length) throw malformedXml();
  const parts: Part[] = [];
  for (const one of named) {
    const { PartNumber = 0, ETag = "" } = one;
    if (PartNumber <= (parts.at(-1)?.number ?? 0))
      throw new Fault(
        "InvalidPartOrder",
        "The list of parts was not in ascending order. Parts must be ordered by part number.",
        400,
      );
    const part = uploaded.find(({ number }) => number === PartNumber);
    const [algorithm] = algorithmsOf(one);
    const sum = algorithm && one[`Checksum${algorithm}`];
    if (part?.md5 !== ETag.replaceAll('"', "") || (sum && part.checksum !== null && sum !== part.checksum))
      throw new Fault(
        "InvalidPart",
        "One or more of the specified parts could not be found.  The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.",
        400,
        { PartNumber: String(PartNumber), ETag },
      );
    parts.push(part);
  }
  for (const { size, number, md5 } of parts.slice(0, -1))
    if (size < PART_MINIMUM)
      throw new Fault(
        "EntityTooSmall",
        "Your proposed upload is smaller than the minimum allowed size",
        400,
        {
          ProposedSize: String(size),
          MinSizeAllowed: String(PART_MINIMUM),
          PartNumber: String(number),
          ETag: md5,
        },
      );
  return parts;
}

/** The object's checksum, compared with the one that the client expects. */
async function checksumOfUpload(
  { about: { algorithm, checksumType } }: Upload,
  parts: readonly Part[],
  input: ChecksumMembers & { readonly ChecksumType?: string },
): Promise<Checksum | undefined> {
  const name = algorithmNamed(algorithm);
  if (!name) return undefined;
  const type = checksumType!;
  if (input.ChecksumType !== undefined && input.ChecksumType !== type)
    throw invalidRequest(
      `The upload was created using the ${type} checksum mode. The complete request must use the same checksum mode.`,
    );
  const value = await checksumOfParts(name, type, parts);
  const expected = input[`Checksum${name}`];
  // clients send the composite one with and without the number of parts
  if (expected !== undefined && expected !== value && expected !== value.replace(/-\d+$/, ""))
    throw badDigest(`The ${name} you specified did not match the calculated checksum.`);
  return { algorithm: name, type, value };
}
