import { Xxh3_128, Xxh3_64, Xxh64 } from "@aws-sdk/checksums/xxh";
import * as sdk from "@aws-sdk/client-s3";
import type { FinalizeHandler, FinalizeHandlerArguments } from "@smithy/types";
import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type S3Server, startS3 } from "./s3-server.ts";

const putChecked = (Key: string, ContentMD5: string) =>
  s3.send(new sdk.PutObjectCommand({ Bucket, Key, Body: "body", ContentMD5 }));

const md5 = (text: string) => createHash("md5").update(text).digest("base64");

let server: S3Server;
let s3: sdk.S3Client;
const Bucket = "checksums";
const algorithms = ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"] as const;

beforeAll(async () => {
  server = await startS3();
  s3 = server.client();
  await s3.send(new sdk.CreateBucketCommand({ Bucket }));
});
afterAll(() => server[Symbol.asyncDispose]());

async function expectAbsent(Key: string) {
  await expect(s3.send(new sdk.HeadObjectCommand({ Bucket, Key }))).rejects.toMatchObject({
    name: "NotFound",
  });
}

describe.each(algorithms)("%s", (algorithm) => {
  const member = `Checksum${algorithm}` as const;

  test("comes back as it was computed, beside the body or behind it", async () => {
    const bytes = Buffer.from("some bytes of a model");
    const beside = await s3.send(
      new sdk.PutObjectCommand({ Bucket, Key: `${algorithm}/1`, Body: bytes, ChecksumAlgorithm: algorithm }),
    );
    expect(beside[member]).toBeTruthy();
    const behind = await s3.send(
      new sdk.PutObjectCommand({
        Bucket,
        Key: `${algorithm}/2`,
        Body: Readable.from([bytes]),
        ContentLength: bytes.length,
        ChecksumAlgorithm: algorithm,
      }),
    );
    expect(behind[member]).toBe(beside[member]);
    const got = await s3.send(
      new sdk.GetObjectCommand({ Bucket, Key: `${algorithm}/2`, ChecksumMode: "ENABLED" }),
    );
    expect(got[member]).toBe(beside[member]);
    expect(await got.Body!.transformToString()).toBe(bytes.toString()); // the SDK checks what it reads
    const quiet = await s3.send(new sdk.HeadObjectCommand({ Bucket, Key: `${algorithm}/2` }));
    expect(quiet[member]).toBeUndefined();
    const attributes = await s3.send(
      new sdk.GetObjectAttributesCommand({
        Bucket,
        Key: `${algorithm}/2`,
        ObjectAttributes: ["Checksum", "ObjectSize", "ETag", "StorageClass", "ObjectParts"],
      }),
    );
    expect(attributes).toMatchObject({ ObjectSize: bytes.length, StorageClass: "STANDARD" });
    expect(attributes.Checksum).toMatchObject({ [member]: beside[member], ChecksumType: "FULL_OBJECT" });
  });

  test("is refused when it is wrong, and the object stays as it was", async () => {
    const Key = `${algorithm}/wrong`;
    const { [member]: other } = await s3.send(
      new sdk.PutObjectCommand({
        Bucket,
        Key: `${algorithm}/other`,
        Body: "other",
        ChecksumAlgorithm: algorithm,
      }),
    );
    const put = s3.send(new sdk.PutObjectCommand({ Bucket, Key, Body: "these bytes", [member]: other }));
    await expect(put).rejects.toMatchObject({ name: "BadDigest", $metadata: { httpStatusCode: 400 } });
    await expectAbsent(Key);
  });

  test("is refused when it is no checksum", async () => {
    const put = s3.send(new sdk.PutObjectCommand({ Bucket, Key: "x", Body: "x", [member]: "AAA=" }));
    await expect(put).rejects.toMatchObject({ name: "InvalidRequest" });
  });
});

// the SDK sends these only ready-made
describe.each([
  ["MD5", createHash("md5")],
  ["SHA512", createHash("sha512")],
  ["XXHASH64", new Xxh64()],
  ["XXHASH3", new Xxh3_64()],
  ["XXHASH128", new Xxh3_128()],
] as const)("%s, ready-made,", (algorithm, hash) => {
  const member = `Checksum${algorithm}` as const;
  let value = "";
  beforeAll(async () => {
    hash.update(Buffer.from("bytes"));
    value = Buffer.from(await hash.digest()).toString("base64");
  });
  test("comes back", async () => {
    const at = { Bucket, Key: `${algorithm}/made` };
    expect(await s3.send(new sdk.PutObjectCommand({ ...at, Body: "bytes", [member]: value }))).toMatchObject({
      [member]: value,
    });
    expect(await s3.send(new sdk.HeadObjectCommand({ ...at, ChecksumMode: "ENABLED" }))).toMatchObject({
      [member]: value,
    });
  });
  test("is refused when it is wrong", async () => {
    const at = { Bucket, Key: `${algorithm}/wrong` };
    const put = s3.send(new sdk.PutObjectCommand({ ...at, Body: "other", [member]: value }));
    await expect(put).rejects.toMatchObject({ name: "BadDigest" });
    await expectAbsent(at.Key);
  });
});

test("Content-MD5 is compared", async () => {
  await putChecked("md5", md5("body"));
  await expect(putChecked("md5-wrong", md5("other"))).rejects.toMatchObject({ name: "BadDigest" });
  await expect(putChecked("md5-wrong", "nonsense")).rejects.toMatchObject({ name: "InvalidDigest" });
  await expectAbsent("md5-wrong");
});

test("a wrong checksum behind the body is refused", async () => {
  const client = server.client();
  // behind the SDK's own computation, before the signature
  client.middlewareStack.addRelativeTo(
    (next: FinalizeHandler<any, any>) => (args: FinalizeHandlerArguments<any>) => {
      const request = args.request as { body: AsyncIterable<Uint8Array> };
      const body = request.body;
      request.body = Readable.from(
        (async function* () {
          for await (const chunk of body)
            yield Buffer.from(
              Buffer.from(chunk)
                .toString("latin1")
                .replace(/(x-amz-checksum-crc32:)\S+/, "$1AAAAAA=="),
              "latin1",
            );
        })(),
      );
      return next(args);
    },
    { relation: "after", toMiddleware: "flexibleChecksumsMiddleware" },
  );
  const put = (Key: string) =>
    client.send(
      new sdk.PutObjectCommand({
        Bucket,
        Key,
        Body: Readable.from([Buffer.from("trailing")]),
        ContentLength: 8,
      }),
    );
  await expect(put("wrong-trailer")).rejects.toMatchObject({ name: "BadDigest" });
  await expectAbsent("wrong-trailer");
});

test("two checksums at once are refused", async () => {
  const put = s3.send(
    new sdk.PutObjectCommand({
      Bucket,
      Key: "two",
      Body: "x",
      ChecksumCRC32: "AAAAAA==",
      ChecksumCRC32C: "AAAAAA==",
    }),
  );
  await expect(put).rejects.toMatchObject({ name: "InvalidRequest" });
});

test("a stretch of an object comes without the checksum of the whole", async () => {
  await s3.send(
    new sdk.PutObjectCommand({ Bucket, Key: "stretch", Body: "0123456789", ChecksumAlgorithm: "CRC32" }),
  );
  const got = await s3.send(
    new sdk.GetObjectCommand({ Bucket, Key: "stretch", Range: "bytes=2-3", ChecksumMode: "ENABLED" }),
  );
  expect(got.ChecksumCRC32).toBeUndefined();
  expect(await got.Body!.transformToString()).toBe("23");
});
