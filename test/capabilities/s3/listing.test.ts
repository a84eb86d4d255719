import * as sdk from "@aws-sdk/client-s3";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type S3Server, startS3 } from "./s3-server.ts";

const compare = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));
const order = (entry: string) => Buffer.from(entry.replace(/\*$/, ""));

let server: S3Server;
let s3: sdk.S3Client;

beforeAll(async () => {
  server = await startS3();
  s3 = server.client();
});
afterAll(() => server[Symbol.asyncDispose]());

async function bucketWith(Bucket: string, keys: readonly string[]): Promise<string> {
  await s3.send(new sdk.CreateBucketCommand({ Bucket }));
  for (const key of keys) await server.store.put(Bucket, key, Buffer.from(key));
  return Bucket;
}

/** What a list with these questions must hold, in the most naive way. */
function model(keys: readonly string[], prefix: string, delimiter: string, after: string): string[] {
  const found = keys.filter((key) => key.startsWith(prefix) && compare(key, after) > 0);
  const entries = found.map((key) => {
    const at = delimiter ? key.indexOf(delimiter, prefix.length) : -1;
    return at < 0 ? key : `${key.slice(0, at + delimiter.length)}*`;
  });
  return [...new Set(entries)].sort((a, b) => compare(a.replace(/\*$/, ""), b.replace(/\*$/, "")));
}

const letters = fc.constantFrom("a", "b", "/", "//", "\u{1F600}", "\uFFFD", "\uE000", "é", "~");
const keyLike = fc.array(letters, { minLength: 1, maxLength: 5 }).map((parts) => parts.join(""));

test("pages of keys and prefixes are those of a naive model, whatever the size of a page", async () => {
  let run = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(keyLike, { maxLength: 25 }),
      fc.constantFrom("", "a", "a/", "\u{1F600}", "\uFFFD", "/"),
      fc.constantFrom("", "/", "//", "b", "\u{1F600}"),
      fc.option(keyLike, { nil: "" }),
      fc.integer({ min: 1, max: 4 }),
      async (keys, Prefix, Delimiter, StartAfter, MaxKeys) => {
        const Bucket = `model-${run++}`;
        server.store.createBucket(Bucket, "us-east-1");
        for (const key of keys) await server.store.put(Bucket, key, Buffer.from(""));
        const seen: string[] = [];
        let after: string | undefined = StartAfter;
        while (after !== undefined) {
          const query = { prefix: Prefix, delimiter: Delimiter, after, limit: MaxKeys };
          const page: ReturnType<typeof server.store.page> = server.store.page(Bucket, query);
          expect(page.rows.length + page.groups.length).toBeLessThanOrEqual(MaxKeys);
          const entries = [...page.rows.map(({ key }) => key), ...page.groups.map((group) => `${group}*`)];
          seen.push(...entries.sort((a, b) => Buffer.compare(order(a), order(b))));
          after = page.next;
        }
        // a start that is a group itself is where a page ended: the group was told already
        const startsAtGroup =
          Delimiter &&
          StartAfter.startsWith(Prefix) &&
          StartAfter.indexOf(Delimiter, Prefix.length) === StartAfter.length - Delimiter.length &&
          StartAfter.length > Prefix.length;
        const expected = model(keys, Prefix, Delimiter, StartAfter);
        expect(seen).toEqual(
          startsAtGroup ? expected.filter((entry) => entry !== `${StartAfter}*`) : expected,
        );
      },
    ),
    { numRuns: 60 },
  );
});

describe("over the wire", () => {
  const keys = ["a b+c", "dir/1", "dir/2", "dir/sub/3", "e&<f>", "z", "ä", "\uFFFD", "😀"];
  let Bucket: string;
  beforeAll(async () => {
    Bucket = await bucketWith("wire-list", keys);
  });

  test("keys come in the order of their UTF-8", async () => {
    const { Contents, KeyCount, IsTruncated } = await s3.send(new sdk.ListObjectsV2Command({ Bucket }));
    expect(Contents?.map(({ Key }) => Key)).toEqual(keys);
    expect({ KeyCount, IsTruncated }).toEqual({ KeyCount: 9, IsTruncated: false });
    expect(Contents?.[0]).toMatchObject({
      Size: 5,
      StorageClass: "STANDARD",
      ETag: expect.stringMatching(/^"\w{32}"$/),
    });
  });
  test("a delimiter rolls them up", async () => {
    const { Contents, CommonPrefixes } = await s3.send(
      new sdk.ListObjectsV2Command({ Bucket, Prefix: "dir/", Delimiter: "/", FetchOwner: true }),
    );
    expect(Contents?.map(({ Key }) => Key)).toEqual(["dir/1", "dir/2"]);
    expect(Contents?.[0]?.Owner?.ID).toBe("000000000000");
    expect(CommonPrefixes).toEqual([{ Prefix: "dir/sub/" }]);
  });
  test("the paginator of v2 and the markers of v1 see each entry once", async () => {
    const v2: string[] = [];
    for await (const page of sdk.paginateListObjectsV2(
      { client: s3, pageSize: 2 },
      { Bucket, Delimiter: "/" },
    ))
      v2.push(
        ...(page.Contents ?? []).map(({ Key }) => Key!),
        ...(page.CommonPrefixes ?? []).map(({ Prefix }) => Prefix!),
      );
    const v1: string[] = [];
    for (let Marker: string | undefined = ""; Marker !== undefined;) {
      const page: sdk.ListObjectsCommandOutput = await s3.send(
        new sdk.ListObjectsCommand({ Bucket, Delimiter: "/", MaxKeys: 2, Marker }),
      );
      v1.push(
        ...(page.Contents ?? []).map(({ Key }) => Key!),
        ...(page.CommonPrefixes ?? []).map(({ Prefix }) => Prefix!),
      );
      Marker = page.NextMarker;
    }
    expect(v2.toSorted()).toEqual(["a b+c", "dir/", "e&<f>", "z", "ä", "\uFFFD", "😀"].toSorted());
    expect(v1.toSorted()).toEqual(v2.toSorted());
  });
  test("encoding-type=url encodes", async () => {
    const page = await s3.send(
      new sdk.ListObjectsV2Command({ Bucket, EncodingType: "url", Prefix: "a", StartAfter: "a " }),
    );
    expect(page.Contents?.[0]?.Key).toBe("a%20b%2Bc");
    expect(page.StartAfter).toBe("a%20");
  });
  test("no keys at all are a page, too", async () => {
    const page = await s3.send(new sdk.ListObjectsV2Command({ Bucket, MaxKeys: 0 }));
    expect(page).toMatchObject({ KeyCount: 0, IsTruncated: false });
  });
  test.each([
    ["a token of nobody", { ContinuationToken: "nonsense" }, "InvalidArgument"],
    ["a negative page", { MaxKeys: -1 }, "InvalidArgument"],
    ["an unknown encoding", { EncodingType: "base64" }, "InvalidArgument"],
    ["no such bucket", { Bucket: "missing-bucket" }, "NoSuchBucket"],
  ] as const)("%s is refused", async (_, more, name) => {
    await expect(
      s3.send(new sdk.ListObjectsV2Command({ Bucket, ...(more as object) })),
    ).rejects.toMatchObject({ name });
  });
});
