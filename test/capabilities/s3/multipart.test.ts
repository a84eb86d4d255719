import { Crc32c, Crc64Nvme } from "@aws-sdk/checksums/crc";
import * as sdk from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";
import { createHash } from "node:crypto";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { crc32 } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type S3Server, startS3 } from "./s3-server.ts";

const whole = async (sum: { update(data: Uint8Array): void; digest(): Promise<Uint8Array> }) => {
  sum.update(bytes);
  return Buffer.from(await sum.digest()).toString("base64");
};

const be = (value: number) => Buffer.from(value.toString(16).padStart(8, "0"), "hex");
const sha256 = (data: Uint8Array) => createHash("sha256").update(data).digest();

let server: S3Server;
let s3: sdk.S3Client;
const Bucket = "multipart";
const MIB = 1 << 20;
const bytes = Buffer.from(Uint8Array.from({ length: 11 * MIB }, (_, i) => ((i * 7919) >> 5) ^ (i >> 16)));
const parts = [
  bytes.subarray(0, 5 * MIB),
  bytes.subarray(5 * MIB, 10 * MIB),
  bytes.subarray(10 * MIB),
] as const;
const md5 = (data: Uint8Array) => createHash("md5").update(data).digest();
const etag = `"${md5(Buffer.concat(parts.map(md5))).toString("hex")}-3"`;

beforeAll(async () => {
  server = await startS3();
  s3 = server.client();
  await s3.send(new sdk.CreateBucketCommand({ Bucket }));
});
afterAll(() => server[Symbol.asyncDispose]());

const start = async (Key: string, more: Partial<sdk.CreateMultipartUploadCommandInput> = {}) => ({
  Bucket,
  Key,
  UploadId: (await s3.send(new sdk.CreateMultipartUploadCommand({ Bucket, Key, ...more }))).UploadId!,
});
type Started = Awaited<ReturnType<typeof start>>;
const upload = (
  started: Started,
  PartNumber: number,
  Body: Uint8Array,
  ChecksumAlgorithm: sdk.ChecksumAlgorithm = "CRC32",
) => s3.send(new sdk.UploadPartCommand({ ...started, PartNumber, Body, ChecksumAlgorithm }));
const complete = (started: Started, Parts: sdk.CompletedPart[], more = {}) =>
  s3.send(new sdk.CompleteMultipartUploadCommand({ ...started, MultipartUpload: { Parts }, ...more }));

async function uploadAll(started: Started, algorithm?: sdk.ChecksumAlgorithm): Promise<sdk.CompletedPart[]> {
  const done: sdk.CompletedPart[] = [];
  for (const [i, part] of parts.entries()) {
    const { $metadata: _, ...sums } = await upload(started, i + 1, part, algorithm);
    done.push({ PartNumber: i + 1, ...sums });
  }
  return done;
}

async function fileCount(): Promise<number> {
  const entries = await readdir(join(server.dir, "files"), { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).length;
}

test("lib-storage uploads a stream in parts", async () => {
  const done = await new Upload({
    client: s3,
    params: {
      Bucket,
      Key: "stream",
      Body: Readable.from([bytes]),
      ContentType: "application/x-model",
      Metadata: { a: "1" },
    },
    partSize: 5 * MIB,
  }).done();
  expect(done.ETag).toBe(etag);
  const got = await s3.send(new sdk.GetObjectCommand({ Bucket, Key: "stream", ChecksumMode: "ENABLED" }));
  expect(got).toMatchObject({
    ETag: etag,
    ContentType: "application/x-model",
    Metadata: { a: "1" },
    ContentLength: bytes.length,
  });
  expect(bytes.equals(await got.Body!.transformToByteArray())).toBe(true);
});

describe("a finished upload", () => {
  let started: Started;
  let named: sdk.CompletedPart[];
  beforeAll(async () => {
    started = await start("finished");
    named = await uploadAll(started);
    await complete(started, named);
  });
  test.each([
    [0, 4],
    [5 * MIB - 2, 5 * MIB + 1],
    [5 * MIB, 5 * MIB],
    [4 * MIB, 11 * MIB - 1],
  ])("gives the bytes from %i to %i, over the bounds of its parts", async (first, last) => {
    const got = await s3.send(
      new sdk.GetObjectCommand({ Bucket, Key: "finished", Range: `bytes=${first}-${last}` }),
    );
    expect(bytes.subarray(first, last + 1).equals(await got.Body!.transformToByteArray())).toBe(true);
  });
  test("gives a part by its number", async () => {
    const got = await s3.send(new sdk.GetObjectCommand({ Bucket, Key: "finished", PartNumber: 3 }));
    expect(got).toMatchObject({
      PartsCount: 3,
      ContentLength: MIB,
      ContentRange: `bytes ${10 * MIB}-${11 * MIB - 1}/${11 * MIB}`,
      $metadata: { httpStatusCode: 206 },
    });
    const missing = s3.send(new sdk.GetObjectCommand({ Bucket, Key: "finished", PartNumber: 4 }));
    await expect(missing).rejects.toMatchObject({
      name: "InvalidPartNumber",
      $metadata: { httpStatusCode: 416 },
    });
  });
  test("is finished a second time with the same answer", async () => {
    expect(await complete(started, named)).toMatchObject({ ETag: etag, Key: "finished" });
  });
  test("is no upload any more", async () => {
    await expect(upload(started, 1, Buffer.from("x"))).rejects.toMatchObject({ name: "NoSuchUpload" });
    await expect(s3.send(new sdk.AbortMultipartUploadCommand(started))).rejects.toMatchObject({
      name: "NoSuchUpload",
    });
  });
  test("copies without its source", async () => {
    await s3.send(new sdk.CopyObjectCommand({ Bucket, CopySource: `${Bucket}/finished`, Key: "copied" }));
    await s3.send(new sdk.DeleteObjectCommand({ Bucket, Key: "finished" }));
    const got = await s3.send(new sdk.GetObjectCommand({ Bucket, Key: "copied" }));
    expect(bytes.equals(await got.Body!.transformToByteArray())).toBe(true);
  });
});

describe("checksums", () => {
  test("are composed of those of the parts", async () => {
    const started = await start("composite", { ChecksumAlgorithm: "SHA256" });
    const done = await complete(started, await uploadAll(started, "SHA256"));
    const ChecksumSHA256 = `${sha256(Buffer.concat(parts.map(sha256))).toString("base64")}-3`;
    expect(done).toMatchObject({ ChecksumSHA256, ChecksumType: "COMPOSITE" });
    const attributes = await s3.send(
      new sdk.GetObjectAttributesCommand({
        Bucket,
        Key: "composite",
        ObjectAttributes: ["Checksum", "ObjectParts"],
        MaxParts: 2,
      }),
    );
    expect(attributes.ObjectParts).toMatchObject({
      TotalPartsCount: 3,
      IsTruncated: true,
      NextPartNumberMarker: "2",
    });
    expect(attributes.ObjectParts?.Parts?.[1]).toMatchObject({
      ChecksumSHA256: sha256(parts[1]).toString("base64"),
    });
  });
  test.each([
    ["CRC32", async () => be(crc32(bytes)).toString("base64")],
    ["CRC32C", () => whole(new Crc32c())],
    ["CRC64NVME", () => whole(new Crc64Nvme())],
  ] as const)("of type FULL_OBJECT are the %s of all bytes", async (ChecksumAlgorithm, expected) => {
    const started = await start("full", { ChecksumAlgorithm, ChecksumType: "FULL_OBJECT" });
    const named = await uploadAll(started, ChecksumAlgorithm);
    const wrong = complete(started, named, {
      [`Checksum${ChecksumAlgorithm}`]: Buffer.alloc(ChecksumAlgorithm === "CRC64NVME" ? 8 : 4).toString(
        "base64",
      ),
    });
    await expect(wrong).rejects.toMatchObject({ name: "BadDigest" });
    const done = await complete(started, named, { [`Checksum${ChecksumAlgorithm}`]: await expected() });
    expect(done).toMatchObject({
      [`Checksum${ChecksumAlgorithm}`]: await expected(),
      ChecksumType: "FULL_OBJECT",
    });
    const got = await s3.send(new sdk.GetObjectCommand({ Bucket, Key: "full", ChecksumMode: "ENABLED" }));
    expect(bytes.equals(await got.Body!.transformToByteArray())).toBe(true); // checked by the SDK on the way
  });
  test("of another sort than the upload's are refused", async () => {
    const started = await start("mismatch", { ChecksumAlgorithm: "SHA256" });
    const part = s3.send(
      new sdk.UploadPartCommand({ ...started, PartNumber: 1, Body: "x", ChecksumAlgorithm: "SHA1" }),
    );
    await expect(part).rejects.toMatchObject({ name: "InvalidRequest" });
    await expect(
      start("mismatch", { ChecksumAlgorithm: "SHA1", ChecksumType: "FULL_OBJECT" }),
    ).rejects.toMatchObject({
      name: "InvalidRequest",
    });
  });
});

describe("a refused completion", () => {
  let started: Started;
  let named: sdk.CompletedPart[];
  beforeAll(async () => {
    started = await start("refused");
    named = await uploadAll(started);
  });
  test.each([
    ["parts in another order", () => [named[1]!, named[0]!], {}, "InvalidPartOrder"],
    ["a part twice", () => [named[0]!, named[0]!], {}, "InvalidPartOrder"],
    ["a part that is missing", () => [named[0]!, { ...named[1]!, PartNumber: 9 }], {}, "InvalidPart"],
    ["another part's tag", () => [{ ...named[0]!, ETag: named[1]!.ETag }], {}, "InvalidPart"],
    [
      "a small part before the last",
      () => [named[2]!, { ...named[2]!, PartNumber: 4 }],
      {},
      "EntityTooSmall",
    ],
    ["another size", () => named, { MpuObjectSize: 5 }, "InvalidRequest"],
    ["a condition that fails", () => named, { IfMatch: '"x"' }, "NoSuchKey"],
  ] as const)("for %s", async (_, choose, more, name) => {
    if (name === "EntityTooSmall") await upload(started, 4, parts[2]);
    await expect(complete(started, choose(), more)).rejects.toMatchObject({ name });
    await expect(s3.send(new sdk.HeadObjectCommand({ Bucket, Key: "refused" }))).rejects.toMatchObject({
      name: "NotFound",
    });
  });
  test("leaves the upload as it was", async () => {
    const page = await s3.send(new sdk.ListPartsCommand({ ...started, MaxParts: 2 }));
    expect(page.Parts?.map(({ PartNumber, Size }) => [PartNumber, Size])).toEqual([
      [1, 5 * MIB],
      [2, 5 * MIB],
    ]);
    expect(page).toMatchObject({ IsTruncated: true, NextPartNumberMarker: "2" });
    const rest = await s3.send(new sdk.ListPartsCommand({ ...started, PartNumberMarker: "2" }));
    expect(rest.Parts?.map(({ PartNumber }) => PartNumber)).toEqual([3, 4]);
    expect((await complete(started, named)).ETag).toBe(etag);
  });
});

test("parts that are replaced, left out or aborted leave no file", async () => {
  const before = await fileCount();
  const started = await start("tidy");
  await upload(started, 1, Buffer.from("first"));
  const { ETag } = await upload(started, 1, Buffer.from("second"));
  await upload(started, 2, Buffer.from("left out"));
  await complete(started, [{ PartNumber: 1, ETag }]);
  await expect.poll(fileCount).toBe(before + 1);
  const aborted = await start("tidy");
  await upload(aborted, 1, Buffer.from("aborted"));
  await s3.send(new sdk.AbortMultipartUploadCommand(aborted));
  await expect.poll(fileCount).toBe(before + 1);
  const got = await s3.send(new sdk.GetObjectCommand({ Bucket, Key: "tidy" }));
  expect(await got.Body!.transformToString()).toBe("second");
});

test("parts may be copied from stretches of other objects", async () => {
  await s3.send(new sdk.PutObjectCommand({ Bucket, Key: "source", Body: bytes }));
  const started = await start("from-copy");
  const copy = async (PartNumber: number, CopySourceRange?: string) => {
    const { CopyPartResult } = await s3.send(
      new sdk.UploadPartCopyCommand({
        ...started,
        PartNumber,
        CopySource: `${Bucket}/source`,
        ...(CopySourceRange && { CopySourceRange }),
      }),
    );
    return { PartNumber, ETag: CopyPartResult?.ETag };
  };
  await expect(copy(1, "bytes=5-2")).rejects.toMatchObject({ name: "InvalidArgument" });
  await expect(copy(1, `bytes=0-${bytes.length}`)).rejects.toMatchObject({ name: "InvalidArgument" });
  await complete(started, [await copy(1, `bytes=0-${5 * MIB - 1}`), await copy(2, "bytes=0-2")]);
  const got = await s3.send(new sdk.GetObjectCommand({ Bucket, Key: "from-copy" }));
  const expected = Buffer.concat([parts[0], bytes.subarray(0, 3)]);
  expect(expected.equals(await got.Body!.transformToByteArray())).toBe(true);
});

test("uploads are listed by key and age, page by page", async () => {
  const Bucket = "uploads-of-many";
  await s3.send(new sdk.CreateBucketCommand({ Bucket }));
  for (const Key of ["b", "a/1", "a/2", "b", "c"])
    await s3.send(new sdk.CreateMultipartUploadCommand({ Bucket, Key }));
  const seen: string[] = [];
  for (let KeyMarker, UploadIdMarker, more: boolean | undefined = true; more;) {
    const page: sdk.ListMultipartUploadsCommandOutput = await s3.send(
      new sdk.ListMultipartUploadsCommand({
        Bucket,
        Delimiter: "/",
        MaxUploads: 1,
        ...(KeyMarker && { KeyMarker }),
        ...(UploadIdMarker && { UploadIdMarker }),
      }),
    );
    seen.push(
      ...(page.CommonPrefixes ?? []).map(({ Prefix }) => Prefix!),
      ...(page.Uploads ?? []).map(({ Key }) => Key!),
    );
    ({ NextKeyMarker: KeyMarker, NextUploadIdMarker: UploadIdMarker, IsTruncated: more } = page);
  }
  expect(seen).toEqual(["a/", "b", "b", "c"]);
  await s3.send(new sdk.DeleteBucketCommand({ Bucket })); // unfinished uploads do not hold it
});
