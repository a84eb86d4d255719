import * as sdk from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import { createHash } from "node:crypto";
import { readdir } from "node:fs/promises";
import { request } from "node:http";
import { join } from "node:path";
import { Readable } from "node:stream";
import { afterAll, beforeAll, expect, test } from "vitest";
import { remoteS3Handlers } from "../../../src/capabilities/s3/remote-operations.ts";
import { remoteS3Client } from "../../../src/objects/remote/remote-store.ts";
import { KEYS, listenS3, type S3Server, startS3 } from "./s3-server.ts";

let behind: S3Server;
let front: Awaited<ReturnType<typeof listenS3>>;
let between: sdk.S3Client;
let s3: sdk.S3Client;
const Bucket = "passed-on";

beforeAll(async () => {
  behind = await startS3();
  between = await remoteS3Client({
    endpoint: behind.url,
    region: "us-east-1",
    credentials: KEYS,
    forcePathStyle: true,
    attempts: 1,
  });
  front = await listenS3(remoteS3Handlers(between));
  s3 = behind.client({ endpoint: front.url });
  await s3.send(new sdk.CreateBucketCommand({ Bucket }));
});
afterAll(async () => {
  between.destroy();
  await front[Symbol.asyncDispose]();
  await behind[Symbol.asyncDispose]();
});

test("an object goes through and comes back", async () => {
  const at = { Bucket, Key: "dir/a b+ü" };
  await s3.send(
    new sdk.PutObjectCommand({ ...at, Body: "1,2,3", ContentType: "text/csv", Metadata: { a: "1" } }),
  );
  expect(behind.store.object(Bucket, at.Key)).toMatchObject({ size: 5 });
  const got = await s3.send(new sdk.GetObjectCommand({ ...at, Range: "bytes=2-" }));
  expect(got).toMatchObject({
    ContentType: "text/csv",
    Metadata: { a: "1" },
    ContentRange: "bytes 2-4/5",
    $metadata: { httpStatusCode: 206 },
  });
  expect(await got.Body!.transformToString()).toBe("2,3");
  const { Contents } = await s3.send(new sdk.ListObjectsV2Command({ Bucket, Prefix: "dir/" }));
  expect(Contents?.map(({ Key }) => Key)).toEqual([at.Key]);
  await s3.send(new sdk.DeleteObjectCommand(at));
  expect(behind.store.object(Bucket, at.Key)).toBeUndefined();
});

test("a stream goes through in parts", async () => {
  const bytes = Buffer.alloc(11 << 20, "0123456789abcdef!");
  await new Upload({ client: s3, params: { Bucket, Key: "big", Body: Readable.from([bytes]) } }).done();
  const got = await s3.send(new sdk.GetObjectCommand({ Bucket, Key: "big" }));
  expect(bytes.equals(await got.Body!.transformToByteArray())).toBe(true);
});

test.each([
  ["a missing key", () => new sdk.GetObjectCommand({ Bucket, Key: "missing" }), "NoSuchKey", 404],
  [
    "a missing key's head",
    () => new sdk.HeadObjectCommand({ Bucket, Key: "missing" }) as never,
    "NotFound",
    404,
  ],
  [
    "a missing bucket",
    () => new sdk.ListObjectsV2Command({ Bucket: "missing-bucket" }) as never,
    "NoSuchBucket",
    404,
  ],
])("the other side's answer for %s is passed on", async (_, command, name, httpStatusCode) => {
  await expect(s3.send(command())).rejects.toMatchObject({ name, $metadata: { httpStatusCode } });
});

test("a body that is not what its checksum says is not stored on the other side", async () => {
  const put = (more: object) =>
    s3.send(new sdk.PutObjectCommand({ Bucket, Key: "wrong", Body: "bytes", ...more }));
  await expect(put({ ChecksumSHA256: Buffer.alloc(32).toString("base64") })).rejects.toMatchObject({
    name: "BadDigest",
  });
  await expect(put({ ContentMD5: createHash("md5").update("other").digest("base64") })).rejects.toMatchObject(
    { name: "BadDigest" },
  );
  expect(behind.store.object(Bucket, "wrong")).toBeUndefined();
});

test("a client that goes away in the middle of its body is the end of that upload only", async () => {
  const url = await getSignedUrl(s3, new sdk.PutObjectCommand({ Bucket, Key: "half" }));
  const upload = request(url, { method: "PUT", headers: { "content-length": 10 << 20 } });
  upload.on("error", () => {});
  upload.write(Buffer.alloc(1 << 20));
  const temporary = () => readdir(join(behind.dir, "files", "tmp"));
  await expect.poll(temporary).toHaveLength(1);
  upload.destroy();
  await expect.poll(temporary).toHaveLength(0);
  expect(behind.store.object(Bucket, "half")).toBeUndefined();
  await s3.send(new sdk.PutObjectCommand({ Bucket, Key: "next", Body: "x" }));
});
