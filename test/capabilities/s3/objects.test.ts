import * as sdk from "@aws-sdk/client-s3";
import { createHash } from "node:crypto";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type S3Server, startS3 } from "./s3-server.ts";

let server: S3Server;
let s3: sdk.S3Client;
const Bucket = "objects";

beforeAll(async () => {
  server = await startS3();
  s3 = server.client();
  await s3.send(new sdk.CreateBucketCommand({ Bucket }));
});
afterAll(() => server[Symbol.asyncDispose]());

const put = (
  Key: string,
  Body: string | Uint8Array = "hello",
  more: Partial<sdk.PutObjectCommandInput> = {},
) => s3.send(new sdk.PutObjectCommand({ Bucket, Key, Body, ...more }));
const get = (Key: string, more: Partial<sdk.GetObjectCommandInput> = {}) =>
  s3.send(new sdk.GetObjectCommand({ Bucket, Key, ...more }));
const head = (Key: string, more: Partial<sdk.HeadObjectCommandInput> = {}) =>
  s3.send(new sdk.HeadObjectCommand({ Bucket, Key, ...more }));
const text = (output: sdk.GetObjectCommandOutput) => output.Body!.transformToString();

/** Everything below the files folder that is a file. */
async function files(): Promise<string[]> {
  const entries = await readdir(join(server.dir, "files"), { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => entry.name);
}

describe("what is put is what is got", () => {
  test("with its headers, metadata and tags", async () => {
    const Expires = new Date("2030-01-02T03:04:05Z");
    const kept = {
      CacheControl: "max-age=5",
      ContentDisposition: "inline",
      ContentEncoding: "identity",
      ContentLanguage: "de",
      ContentType: "text/csv",
      Metadata: { colour: "blue", "two-words": "a b" },
    };
    const { ETag } = await put("all", "1,2,3", { ...kept, Expires, Tagging: "a=1&b=x%20y" });
    const got = await get("all");
    expect(await text(got)).toBe("1,2,3");
    expect(got).toMatchObject({ ...kept, ETag, ContentLength: 5, AcceptRanges: "bytes", TagCount: 2 });
    expect(got.ExpiresString).toBe("Wed, 02 Jan 2030 03:04:05 GMT");
    expect(await head("all")).toMatchObject({ ...kept, ETag, ContentLength: 5 });
    expect(ETag).toBe('"55b84a9d317184fe61224bfb4a060fb0"');
  });

  test.each([
    "a/b//c",
    "ü/ö ß+%",
    "../../etc/passwd",
    "..",
    "a?b#c&d=e",
    "tab\there",
    "😀",
    "x".repeat(1024),
    "a/",
  ])("under the key %j", async (key) => {
    await put(key, key);
    expect(await text(await get(key))).toBe(key);
    const { Contents } = await s3.send(new sdk.ListObjectsV2Command({ Bucket, Prefix: key }));
    expect(Contents?.map(({ Key }) => Key)).toContain(key);
    expect(await files()).not.toContain(key);
  });

  test("an empty body", async () => {
    await put("empty", "");
    expect(await text(await get("empty"))).toBe("");
    expect((await head("empty")).ContentLength).toBe(0);
  });

  test("in place of what was there, and no file is left behind", async () => {
    await put("twice", "one");
    const before = (await files()).length;
    await put("twice", "two");
    expect(await text(await get("twice"))).toBe("two");
    await expect.poll(async () => (await files()).length).toBe(before);
  });
});

describe("refused", () => {
  test.each([
    ["a key above 1,024 bytes", { Key: "ü".repeat(513) }, "KeyTooLongError", 400],
    ["metadata above 2 KB", { Metadata: { a: "x".repeat(2048) } }, "MetadataTooLarge", 400],
    ["a public ACL", { ACL: "public-read" }, "AccessControlListNotSupported", 400],
    [
      "object locks",
      { ObjectLockMode: "GOVERNANCE", ObjectLockRetainUntilDate: new Date() },
      "InvalidRequest",
      400,
    ],
    ["keys of the client's own", SSE(), "NotImplemented", 501],
    [
      "too many tags",
      { Tagging: Array.from({ length: 11 }, (_, i) => `t${i}=1`).join("&") },
      "BadRequest",
      400,
    ],
    ["another owner's bucket", { ExpectedBucketOwner: "111111111111" }, "AccessDenied", 403],
    ["a missing bucket", { Bucket: "missing" }, "NoSuchBucket", 404],
    ["If-None-Match with a tag", { IfNoneMatch: '"abc"' }, "NotImplemented", 501],
    ["If-Match where nothing is", { IfMatch: '"abc"' }, "NoSuchKey", 404],
  ] as const)("%s", async (_, more, name, status) => {
    await expect(put("refused", "x", more as object)).rejects.toMatchObject({
      name,
      $metadata: { httpStatusCode: status },
    });
    await expect(get("refused")).rejects.toMatchObject({ name: "NoSuchKey" });
  });

  test("reads of what is not there", async () => {
    await expect(get("nothing")).rejects.toMatchObject({
      name: "NoSuchKey",
      message: "The specified key does not exist.",
    });
    await expect(head("nothing")).rejects.toMatchObject({
      name: "NotFound",
      $metadata: { httpStatusCode: 404 },
    });
    await expect(get("nothing", { VersionId: "abc" })).rejects.toMatchObject({ name: "InvalidArgument" });
  });
});

function SSE() {
  return {
    SSECustomerAlgorithm: "AES256",
    SSECustomerKey: "a".repeat(32),
    SSECustomerKeyMD5: "b".repeat(24),
  };
}

describe("ranges of ten bytes", () => {
  beforeAll(async () => {
    await put("ten", "0123456789");
    await put("none", "");
  });
  test.each([
    ["bytes=0-3", "0123", "bytes 0-3/10"],
    ["bytes=4-4", "4", "bytes 4-4/10"],
    ["bytes=7-", "789", "bytes 7-9/10"],
    ["bytes=-3", "789", "bytes 7-9/10"],
    ["bytes=-100", "0123456789", "bytes 0-9/10"],
    ["bytes=5-100", "56789", "bytes 5-9/10"],
    ["bytes=5-99999999999999999999", "56789", "bytes 5-9/10"],
  ])("%s", async (Range, body, ContentRange) => {
    const got = await get("ten", { Range });
    expect(await text(got)).toBe(body);
    expect(got).toMatchObject({
      ContentRange,
      ContentLength: body.length,
      $metadata: { httpStatusCode: 206 },
    });
    expect(await head("ten", { Range })).toMatchObject({ ContentRange, $metadata: { httpStatusCode: 206 } });
  });
  test.each(["bytes=10-", "bytes=10-12", "bytes=-0", "bytes=99999999999999999999-"])(
    "%s can not be had",
    async (Range) => {
      await expect(get("ten", { Range })).rejects.toMatchObject({
        name: "InvalidRange",
        $metadata: { httpStatusCode: 416 },
      });
    },
  );
  test.each(["bytes=0-1,5-9", "bytes=0-5,3-9", "bytes=5-2", "bytes=-", "bytes=a-b", "lines=0-1"])(
    "%s is answered with all",
    async (Range) => {
      const got = await get("ten", { Range });
      expect(await text(got)).toBe("0123456789");
      expect(got.$metadata.httpStatusCode).toBe(200);
    },
  );
  test("of nothing", async () => {
    await expect(get("none", { Range: "bytes=0-0" })).rejects.toMatchObject({ name: "InvalidRange" });
    await expect(get("none", { Range: "bytes=-1" })).rejects.toMatchObject({ name: "InvalidRange" });
  });
});

describe("conditions", () => {
  let tag = "";
  const past = new Date("2001-01-01");
  const future = new Date("2100-01-01");
  beforeAll(async () => {
    tag = (await put("tagged", "tagged")).ETag!;
  });
  test.each([
    ["If-Match holds", () => ({ IfMatch: tag }), 200],
    ["If-Match without quotes", () => ({ IfMatch: tag.replaceAll('"', "") }), 200],
    ["If-Match *", () => ({ IfMatch: "*" }), 200],
    ["If-Match in a list", () => ({ IfMatch: `"other", ${tag}` }), 200],
    ["If-Match fails", () => ({ IfMatch: '"other"' }), 412],
    ["If-None-Match holds", () => ({ IfNoneMatch: '"other"' }), 200],
    ["If-None-Match fails", () => ({ IfNoneMatch: tag }), 304],
    ["If-None-Match *", () => ({ IfNoneMatch: "*" }), 304],
    ["If-Modified-Since holds", () => ({ IfModifiedSince: past }), 200],
    ["If-Modified-Since fails", () => ({ IfModifiedSince: future }), 304],
    ["If-Unmodified-Since holds", () => ({ IfUnmodifiedSince: future }), 200],
    ["If-Unmodified-Since fails", () => ({ IfUnmodifiedSince: past }), 412],
    ["If-Match outweighs If-Unmodified-Since", () => ({ IfMatch: tag, IfUnmodifiedSince: past }), 200],
    [
      "If-None-Match outweighs If-Modified-Since",
      () => ({ IfNoneMatch: '"other"', IfModifiedSince: future }),
      200,
    ],
  ])("%s", async (_, conditions, status) => {
    expect(await statusOf(get("tagged", conditions()))).toBe(status);
    expect(await statusOf(head("tagged", conditions()))).toBe(status);
  });
  test("writes only what is new with If-None-Match *", async () => {
    await put("new", "1", { IfNoneMatch: "*" });
    await expect(put("new", "2", { IfNoneMatch: "*" })).rejects.toMatchObject({ name: "PreconditionFailed" });
    expect(await text(await get("new"))).toBe("1");
  });
  test("lets one of many writers at once win", async () => {
    const all = await Promise.allSettled(
      Array.from({ length: 8 }, (_, i) => put("race", `${i}`, { IfNoneMatch: "*" })),
    );
    expect(all.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    const winner = all.findIndex(({ status }) => status === "fulfilled");
    expect(await text(await get("race"))).toBe(`${winner}`);
  });
  test("overwrites only what was seen with If-Match", async () => {
    const { ETag } = await put("seen", "1");
    await put("seen", "2", { IfMatch: ETag });
    await expect(put("seen", "3", { IfMatch: ETag })).rejects.toMatchObject({ name: "PreconditionFailed" });
    await expect(
      s3.send(new sdk.DeleteObjectCommand({ Bucket, Key: "seen", IfMatch: ETag })),
    ).rejects.toMatchObject({ name: "PreconditionFailed" });
    expect(await text(await get("seen"))).toBe("2");
  });
});

async function statusOf(
  answer: Promise<{ $metadata: { httpStatusCode?: number } }>,
): Promise<number | undefined> {
  return answer.then(
    ({ $metadata }) => $metadata.httpStatusCode,
    (error: sdk.S3ServiceException) => error.$metadata.httpStatusCode,
  );
}

test("a response's headers can be overridden", async () => {
  await put("plain", "x");
  const got = await get("plain", {
    ResponseContentType: "text/html",
    ResponseContentDisposition: "attachment",
  });
  expect(got).toMatchObject({ ContentType: "text/html", ContentDisposition: "attachment" });
});

test("deleting is idempotent, one by one and many at once", async () => {
  await put("gone", "x");
  await s3.send(new sdk.DeleteObjectCommand({ Bucket, Key: "gone" }));
  await s3.send(new sdk.DeleteObjectCommand({ Bucket, Key: "gone" }));
  await expect(get("gone")).rejects.toMatchObject({ name: "NoSuchKey" });
  for (const key of ["m1", "m2", "m3"]) await put(key);
  const Objects = [
    { Key: "m1" },
    { Key: "m2" },
    { Key: "never" },
    { Key: "m3", ETag: '"other"' },
    { Key: "m1", VersionId: "1" },
  ];
  const { Deleted, Errors } = await s3.send(new sdk.DeleteObjectsCommand({ Bucket, Delete: { Objects } }));
  expect(Deleted?.map(({ Key }) => Key)).toEqual(["m1", "m2", "never"]);
  expect(Errors).toMatchObject([
    { Key: "m3", Code: "PreconditionFailed" },
    { Key: "m1", Code: "InvalidArgument" },
  ]);
  const quiet = await s3.send(
    new sdk.DeleteObjectsCommand({ Bucket, Delete: { Objects: [{ Key: "m3" }], Quiet: true } }),
  );
  expect(quiet.Deleted).toBeUndefined();
  await expect(get("m3")).rejects.toMatchObject({ name: "NoSuchKey" });
});

describe("a copy", () => {
  const copy = (CopySource: string, Key: string, more: Partial<sdk.CopyObjectCommandInput> = {}) =>
    s3.send(new sdk.CopyObjectCommand({ Bucket, CopySource, Key, ...more }));
  beforeAll(() => put("from +ü?", "source", { ContentType: "text/x", Metadata: { a: "1" }, Tagging: "t=1" }));
  const source = `${Bucket}/${encodeURIComponent("from +ü?")}`;

  test("keeps headers and tags, and outlives its source", async () => {
    await put("short-lived", "bytes", { ContentType: "text/y", Tagging: "t=1" });
    const { CopyObjectResult } = await copy(`/${Bucket}/short-lived`, "copy");
    await s3.send(new sdk.DeleteObjectCommand({ Bucket, Key: "short-lived" }));
    const got = await get("copy");
    expect(await text(got)).toBe("bytes");
    expect(got).toMatchObject({ ContentType: "text/y", TagCount: 1, ETag: CopyObjectResult?.ETag });
  });
  test("may get others", async () => {
    await copy(source, "changed", {
      MetadataDirective: "REPLACE",
      TaggingDirective: "REPLACE",
      Metadata: { b: "2" },
      ContentType: "text/z",
      Tagging: "u=2&v=3",
    });
    expect(await head("changed")).toMatchObject({ ContentType: "text/z", Metadata: { b: "2" }, TagCount: 2 });
  });
  test("may get a checksum", async () => {
    const { CopyObjectResult } = await copy(source, "summed", { ChecksumAlgorithm: "SHA256" });
    const ChecksumSHA256 = createHash("sha256").update("source").digest("base64");
    expect(CopyObjectResult).toMatchObject({ ChecksumSHA256 });
    expect(await head("summed", { ChecksumMode: "ENABLED" })).toMatchObject({ ChecksumSHA256 });
  });
  test.each([
    ["of nothing", `${Bucket}/nothing`, {}, "NoSuchKey"],
    ["of no bucket", `missing-bucket/x`, {}, "NoSuchBucket"],
    ["of nonsense", `nonsense`, {}, "InvalidArgument"],
    ["of another version", `${source}?versionId=1`, {}, "InvalidArgument"],
    ["of what changed", source, { CopySourceIfMatch: '"other"' }, "PreconditionFailed"],
    ["of what is old", source, { CopySourceIfModifiedSince: new Date("2100-01-01") }, "PreconditionFailed"],
  ])("%s is refused", async (_, from, more, name) => {
    await expect(copy(from, "refused", more)).rejects.toMatchObject({ name });
  });
  test("onto itself must change something", async () => {
    await put("self", "x");
    await expect(copy(`${Bucket}/self`, "self")).rejects.toMatchObject({ name: "InvalidRequest" });
    await copy(`${Bucket}/self`, "self", { MetadataDirective: "REPLACE", Metadata: { n: "1" } });
    const got = await get("self");
    expect(await text(got)).toBe("x");
    expect(got.Metadata).toEqual({ n: "1" });
  });
});

test("a reader finishes on the bytes that it began with", async () => {
  const old = Buffer.alloc(3 << 20, "a");
  await put("busy", old);
  const got = await get("busy");
  const reader = (got.Body as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
  const first = await reader.next();
  await put("busy", "new");
  await s3.send(new sdk.DeleteObjectCommand({ Bucket, Key: "busy" }));
  const chunks = [first.value as Uint8Array];
  for (let step; !(step = await reader.next()).done;) chunks.push(step.value);
  expect(Buffer.concat(chunks).equals(old)).toBe(true);
});
