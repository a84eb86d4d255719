import * as sdk from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import { readdir } from "node:fs/promises";
import { request } from "node:http";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { StorageFull } from "../../../src/base/sqlite/database.ts";
import { type S3Server, startS3 } from "./s3-server.ts";

let server: S3Server;
let s3: sdk.S3Client;
const Bucket = "disconnects";
beforeAll(async () => {
  server = await startS3();
  s3 = server.client();
  await s3.send(new sdk.CreateBucketCommand({ Bucket }));
});
afterAll(() => server[Symbol.asyncDispose]());

const temporary = () => readdir(join(server.dir, "files", "tmp"));

test("a client that goes away in the middle of an upload leaves nothing", async () => {
  const url = await getSignedUrl(s3, new sdk.PutObjectCommand({ Bucket, Key: "half" }));
  const upload = request(url, { method: "PUT", headers: { "content-length": 10 << 20 } });
  upload.on("error", () => {});
  upload.write(Buffer.alloc(1 << 20));
  await expect.poll(temporary).toHaveLength(1);
  upload.destroy();
  await expect.poll(temporary).toHaveLength(0);
  await expect(s3.send(new sdk.HeadObjectCommand({ Bucket, Key: "half" }))).rejects.toMatchObject({
    name: "NotFound",
  });
});

test("a body whose signature is wrong is not kept", async () => {
  const client = server.client({
    credentials: { accessKeyId: "AKIATIDEWAYTEST", secretAccessKey: "another secret" },
  });
  const put = client.send(new sdk.PutObjectCommand({ Bucket, Key: "forged", Body: "x" }));
  await expect(put).rejects.toMatchObject({
    name: "SignatureDoesNotMatch",
    $metadata: { httpStatusCode: 403 },
  });
  await expect(s3.send(new sdk.HeadObjectCommand({ Bucket, Key: "forged" }))).rejects.toMatchObject({
    name: "NotFound",
  });
});

test("a full disk is told as SlowDown", async () => {
  await using full = await startS3((handlers) => handlers);
  full.store.createBucket(Bucket, "us-east-1");
  full.store.stage = () => Promise.reject(new StorageFull("the disk has no room for the object"));
  const put = full.client().send(new sdk.PutObjectCommand({ Bucket, Key: "x", Body: "x" }));
  await expect(put).rejects.toMatchObject({ name: "SlowDown", $metadata: { httpStatusCode: 503 } });
});
