import * as sdk from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type S3Server, startS3 } from "./s3-server.ts";

const where = async (Bucket: string) =>
  (await s3.send(new sdk.GetBucketLocationCommand({ Bucket }))).LocationConstraint;
const one = (Key: string, Value = "") => [{ Key, Value }];

let server: S3Server;
let s3: sdk.S3Client;

beforeAll(async () => {
  server = await startS3();
  s3 = server.client();
});
afterAll(() => server[Symbol.asyncDispose]());

const create = (Bucket: string, more: Partial<sdk.CreateBucketCommandInput> = {}) =>
  s3.send(new sdk.CreateBucketCommand({ Bucket, ...more }));

test("a bucket is made, found, listed and deleted", async () => {
  await create("first-bucket");
  expect(await s3.send(new sdk.HeadBucketCommand({ Bucket: "first-bucket" }))).toMatchObject({
    BucketRegion: "us-east-1",
  });
  const { Buckets } = await s3.send(new sdk.ListBucketsCommand({ Prefix: "first" }));
  expect(Buckets).toMatchObject([{ Name: "first-bucket", CreationDate: expect.any(Date) }]);
  await s3.send(new sdk.PutObjectCommand({ Bucket: "first-bucket", Key: "x" }));
  const remove = () => s3.send(new sdk.DeleteBucketCommand({ Bucket: "first-bucket" }));
  await expect(remove()).rejects.toMatchObject({
    name: "BucketNotEmpty",
    $metadata: { httpStatusCode: 409 },
  });
  await s3.send(new sdk.DeleteObjectCommand({ Bucket: "first-bucket", Key: "x" }));
  await remove();
  await expect(remove()).rejects.toMatchObject({ name: "NoSuchBucket" });
  await expect(s3.send(new sdk.HeadBucketCommand({ Bucket: "first-bucket" }))).rejects.toMatchObject({
    name: "NotFound",
  });
});

test("buckets are listed page by page", async () => {
  for (const name of ["page-a", "page-b", "page-c"]) await create(name);
  const names: string[] = [];
  for await (const page of sdk.paginateListBuckets({ client: s3, pageSize: 2 }, { Prefix: "page-" }))
    names.push(...(page.Buckets ?? []).map(({ Name }) => Name!));
  expect(names).toEqual(["page-a", "page-b", "page-c"]);
  const none = s3.send(new sdk.ListBucketsCommand({ MaxBuckets: 0 }));
  await expect(none).rejects.toMatchObject({ name: "InvalidArgument" });
});

test("a second time, us-east-1 says yes and other regions say no", async () => {
  await create("again");
  await create("again");
  const config = { CreateBucketConfiguration: { LocationConstraint: "eu-central-1" as const } };
  await create("again-eu", config);
  await expect(create("again-eu", config)).rejects.toMatchObject({ name: "BucketAlreadyOwnedByYou" });
  expect(await where("again-eu")).toBe("eu-central-1");
  expect(await where("again")).toBeUndefined();
});

test.each([
  "ab",
  "Upper",
  "under_score",
  "-dash",
  "dash-",
  "two..dots",
  "192.168.0.1",
  "xn--x",
  "x-s3alias",
  "a".repeat(64),
])("the name %s is refused", async (name) => {
  await expect(create(name)).rejects.toMatchObject({ name: "InvalidBucketName" });
});

test("tags are kept", async () => {
  const Bucket = "tagged-bucket";
  await create(Bucket);
  const get = () => s3.send(new sdk.GetBucketTaggingCommand({ Bucket }));
  await expect(get()).rejects.toMatchObject({ name: "NoSuchTagSet" });
  const TagSet = [{ Key: "team", Value: "ml" }];
  await s3.send(new sdk.PutBucketTaggingCommand({ Bucket, Tagging: { TagSet } }));
  expect((await get()).TagSet).toEqual(TagSet);
  await s3.send(new sdk.DeleteBucketTaggingCommand({ Bucket }));
  await expect(get()).rejects.toMatchObject({ name: "NoSuchTagSet" });
});

test("tags of objects are kept, and checked", async () => {
  const at = { Bucket: "tagged-objects", Key: "o" };
  await create(at.Bucket);
  await s3.send(new sdk.PutObjectCommand(at));
  const put = (TagSet: sdk.Tag[]) => s3.send(new sdk.PutObjectTaggingCommand({ ...at, Tagging: { TagSet } }));
  const get = async () => (await s3.send(new sdk.GetObjectTaggingCommand(at))).TagSet;
  expect(await get()).toEqual([]);
  await put([
    { Key: "stage", Value: "prod" },
    { Key: "ümlaut", Value: "" },
  ]);
  expect(await get()).toEqual([
    { Key: "stage", Value: "prod" },
    { Key: "ümlaut", Value: "" },
  ]);
  await expect(put([...one("a"), ...one("a")])).rejects.toMatchObject({ name: "InvalidTag" });
  await expect(put(one("x".repeat(129)))).rejects.toMatchObject({ name: "InvalidTag" });
  await expect(put(one("a", "x".repeat(257)))).rejects.toMatchObject({ name: "InvalidTag" });
  await expect(put(one("aws:x"))).rejects.toMatchObject({ name: "InvalidTag" });
  await expect(put(Array.from({ length: 11 }, (_, i) => ({ Key: `${i}`, Value: "" })))).rejects.toMatchObject(
    { name: "BadRequest" },
  );
  await s3.send(new sdk.DeleteObjectTaggingCommand(at));
  expect(await get()).toEqual([]);
});

describe("what can not be configured says so as S3 does", () => {
  const Bucket = "settings";
  beforeAll(() => create(Bucket));
  test.each([
    [sdk.GetBucketPolicyCommand, "NoSuchBucketPolicy"],
    [sdk.GetBucketCorsCommand, "NoSuchCORSConfiguration"],
    [sdk.GetBucketWebsiteCommand, "NoSuchWebsiteConfiguration"],
    [sdk.GetBucketLifecycleConfigurationCommand, "NoSuchLifecycleConfiguration"],
    [sdk.GetBucketReplicationCommand, "ReplicationConfigurationNotFoundError"],
    [sdk.GetBucketEncryptionCommand, "ServerSideEncryptionConfigurationNotFoundError"],
    [sdk.GetObjectLockConfigurationCommand, "ObjectLockConfigurationNotFoundError"],
    [sdk.GetPublicAccessBlockCommand, "NoSuchPublicAccessBlockConfiguration"],
  ])("%o", async (Command, name) => {
    await expect(s3.send(new Command({ Bucket }))).rejects.toMatchObject({
      name,
    });
  });
  test.each([
    [sdk.GetBucketVersioningCommand, {}],
    [sdk.GetBucketLoggingCommand, {}],
    [sdk.GetBucketAccelerateConfigurationCommand, {}],
    [sdk.GetBucketRequestPaymentCommand, { Payer: "BucketOwner" }],
    [sdk.GetBucketAclCommand, { Grants: [{ Permission: "FULL_CONTROL", Grantee: { ID: "000000000000" } }] }],
  ])("%o", async (Command, expected) => {
    expect(await s3.send(new Command({ Bucket }))).toMatchObject(expected);
    await expect(s3.send(new Command({ Bucket: "missing-bucket" }))).rejects.toMatchObject({
      name: "NoSuchBucket",
    });
  });
});
