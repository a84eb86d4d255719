import { expect, test } from "vitest";
import { InputObjects, outputPlace } from "../../../src/capabilities/batch-transform/input-objects.ts";
import type { ObjectStore } from "../../../src/objects/object-store.ts";

const DAY = 86_400_000;

function store(keys: readonly string[], modifiedAt = 0): ObjectStore {
  return {
    async *list(_: string, prefix: string) {
      for (const key of keys)
        if (key.startsWith(prefix)) yield { key, size: key.endsWith("/") ? 0 : 1, etag: "e", modifiedAt };
    },
  } as Partial<ObjectStore> as ObjectStore;
}

const request = (S3Uri: string, S3OutputPath = "s3://out/results/") => ({
  TransformInput: { DataSource: { S3DataSource: { S3DataType: "S3Prefix" as const, S3Uri } } },
  TransformOutput: { S3OutputPath },
});

test.each([
  ["a folder", "s3://bkt/in/", ["in/", "in/a.csv", "in/x/b.csv"], ["a.csv", "x/b.csv"]],
  ["a folder without its slash", "s3://bkt/in", ["in/a.csv", "in/x/b.csv"], ["a.csv", "x/b.csv"]],
  ["an object", "s3://bkt/in/a.csv", ["in/a.csv"], ["a.csv"]],
  [
    "the beginning of names",
    "s3://bkt/in/2026-",
    ["in/2026-01.csv", "in/2026-02/x.csv"],
    ["2026-01.csv", "2026-02/x.csv"],
  ],
  ["a bucket", "s3://bkt", ["a.csv", "x/b.csv"], ["a.csv", "x/b.csv"]],
])("outputs of %s are named after what is below it", async (_, uri, keys, relative) => {
  const input = await InputObjects.open(store(keys), request(uri), DAY);
  const found = await Array.fromAsync(input.list());
  expect(found.map((object) => object.relative)).toEqual(relative);
  expect(found.map(({ index }) => index)).toEqual(relative.map((_, index) => index));
});

test("what the job itself writes below its input is not its input", async () => {
  const keys = ["in/a.csv", "in/out/a.csv.out", "in/out/b.err.jsonl"];
  const names = async (modifiedAt: number) =>
    (
      await Array.fromAsync(
        (
          await InputObjects.open(store(keys, modifiedAt), request("s3://bkt/in/", "s3://bkt/in/out"), DAY)
        ).list(),
      )
    ).map(({ key }) => key);
  expect(await names(2 * DAY)).toEqual(["in/a.csv"]);
  expect(await names(0)).toEqual(keys);
});

test.each([
  ["s3://out", "a.csv.out"],
  ["s3://out/", "a.csv.out"],
  ["s3://out/x/y", "x/y/a.csv.out"],
  ["s3://out/x//", "x/a.csv.out"],
])("the output below %s", (S3OutputPath, key) => {
  expect(outputPlace({ TransformOutput: { S3OutputPath } }, "a.csv.out")).toEqual({ bucket: "out", key });
});
