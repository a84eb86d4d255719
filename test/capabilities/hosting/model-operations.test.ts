import { expect, test } from "vitest";
import { setUp } from "./hosting-fixture.ts";

const refused = (message: string) => expect.objectContaining({ name: "ValidationException", message });
const container = { Image: "tideway/onnx", ModelDataUrl: "s3://models/iris.tar.gz" };

test("a model is described as it was created, and gone when it is deleted", async () => {
  const { call, clock } = await setUp();
  const spec = {
    ModelName: "iris",
    PrimaryContainer: { ...container, Environment: { A: "1" } },
    ExecutionRoleArn: "arn:aws:iam::000000000000:role/x",
    EnableNetworkIsolation: true,
  };
  const { ModelArn } = await call("CreateModel", { ...spec, Tags: [{ Key: "team", Value: "a" }] });
  expect(await call("DescribeModel", { ModelName: "iris" })).toEqual({
    ...spec,
    ModelArn,
    CreationTime: new Date(clock.now()),
  });
  expect(await call("ListTags", { ResourceArn: ModelArn })).toEqual({
    Tags: [{ Key: "team", Value: "a" }],
    NextToken: undefined,
  });
  await call("DeleteModel", { ModelName: "iris" });
  await expect(call("DescribeModel", { ModelName: "iris" })).rejects.toThrow("Could not find model");
  await expect(call("ListTags", { ResourceArn: ModelArn })).rejects.toMatchObject({
    name: "ResourceNotFound",
  });
});

test.each([
  [{}, "Specify either PrimaryContainer or Containers."],
  [
    { PrimaryContainer: container, Containers: [container] },
    "Specify either PrimaryContainer or Containers, not both.",
  ],
  [
    { Containers: [container, container] },
    "Containers: an inference pipeline of several containers is not supported by Tideway. What is missing is listed in docs/operations.md.",
  ],
  [{ PrimaryContainer: { ModelDataUrl: container.ModelDataUrl } }, "The container needs an Image."],
  [
    { PrimaryContainer: { ...container, Mode: "MultiModel" } },
    "Mode: MultiModel is not supported by Tideway. What is missing is listed in docs/operations.md.",
  ],
  [
    { PrimaryContainer: { ...container, ModelDataUrl: "s3://models/absent.tar.gz" } },
    "Could not find model data at s3://models/absent.tar.gz.",
  ],
  [
    { PrimaryContainer: { ...container, ModelDataUrl: "s3://models/folder/" } },
    "The model data address must name an object, not s3://models/folder/.",
  ],
  [
    { PrimaryContainer: { ...container, ModelDataUrl: "http://169.254.169.254/latest" } },
    "The model data address must have the form s3://bucket/key, not http://169.254.169.254/latest.",
  ],
  [
    { PrimaryContainer: { ...container, ModelDataUrl: "https://example.com/model.tar.gz" } },
    "The model data address must have the form s3://bucket/key, not https://example.com/model.tar.gz.",
  ],
  [
    {
      PrimaryContainer: {
        ...container,
        ModelDataSource: {
          S3DataSource: { S3Uri: "s3://models/folder/", S3DataType: "S3Prefix", CompressionType: "None" },
        },
      },
    },
    "Specify either ModelDataUrl or ModelDataSource, not both.",
  ],
  [
    {
      PrimaryContainer: {
        Image: "i",
        ModelDataSource: {
          S3DataSource: { S3Uri: "s3://models/none/", S3DataType: "S3Prefix", CompressionType: "None" },
        },
      },
    },
    "Could not find model data at s3://models/none/.",
  ],
  [
    {
      PrimaryContainer: {
        Image: "i",
        ModelDataSource: {
          S3DataSource: { S3Uri: "s3://models/folder/", S3DataType: "S3Prefix", CompressionType: "Gzip" },
        },
      },
    },
    "CompressionType Gzip needs S3DataType S3Object.",
  ],
  [
    {
      PrimaryContainer: {
        Image: "i",
        Environment: Object.fromEntries(
          Array.from({ length: 40 }, (_, index) => [`K${index}`, "x".repeat(1000)]),
        ),
      },
    },
    "Environment: the keys and values have 40110 bytes, more than 32768.",
  ],
  [
    { PrimaryContainer: { Image: "i", Environment: { TIDEWAY_MAX_OUTSTANDING: "0" } } },
    'Environment: TIDEWAY_MAX_OUTSTANDING must be a whole number from 1 to 10000, not "0".',
  ],
  [
    { PrimaryContainer: { Image: "i", Environment: { TIDEWAY_MAX_WAIT_MS: "1e3" } } },
    'Environment: TIDEWAY_MAX_WAIT_MS must be a whole number from 1 to 60000, not "1e3".',
  ],
])("CreateModel refuses %j, and stores nothing", async (model, message) => {
  const { call } = await setUp();
  await expect(call("CreateModel", { ModelName: "iris", ...model } as never)).rejects.toEqual(
    refused(message),
  );
  expect((await call("ListModels", {})).Models).toEqual([]);
});

test("a model may be a folder of uncompressed files, or bring no data at all", async () => {
  const { call } = await setUp();
  await call("CreateModel", {
    ModelName: "folder",
    PrimaryContainer: {
      Image: "i",
      ModelDataSource: {
        S3DataSource: { S3Uri: "s3://models/folder/", S3DataType: "S3Prefix", CompressionType: "None" },
      },
    },
  } as never);
  await call("CreateModel", { ModelName: "none", Containers: [{ Image: "i" }] });
  expect(
    (await call("ListModels", { SortBy: "Name", SortOrder: "Ascending" } as never)).Models,
  ).toMatchObject([{ ModelName: "folder" }, { ModelName: "none" }]);
});

test("lists are newest first, ten to a page, and their tokens can not be forged", async () => {
  const { call, clock } = await setUp();
  for (let index = 0; index < 12; index++) {
    await call("CreateModel", { ModelName: `m${index}`, PrimaryContainer: container });
    await clock.advance(1_000);
  }
  const first = await call("ListModels", {});
  expect(first.Models.map((model: { ModelName: string }) => model.ModelName)).toEqual([
    "m11",
    "m10",
    "m9",
    "m8",
    "m7",
    "m6",
    "m5",
    "m4",
    "m3",
    "m2",
  ]);
  const second = await call("ListModels", { NextToken: first.NextToken });
  expect(second.Models.map((model: { ModelName: string }) => model.ModelName)).toEqual(["m1", "m0"]);
  expect(second.NextToken).toBeUndefined();
  await expect(call("ListModels", { NextToken: `${first.NextToken.slice(0, -2)}AA` })).rejects.toEqual(
    refused("NextToken is not one that this request was given before."),
  );
  expect(
    (
      await call("ListModels", { NameContains: "M1", SortBy: "Name", SortOrder: "Ascending" } as never)
    ).Models.map((model: { ModelName: string }) => model.ModelName),
  ).toEqual(["m1", "m10", "m11"]);
});

test("of two deletes at once the second one finds nothing", async () => {
  const { call } = await setUp();
  await call("CreateModel", { ModelName: "iris", PrimaryContainer: container });
  const deletes = [call("DeleteModel", { ModelName: "iris" }), call("DeleteModel", { ModelName: "iris" })];
  expect(await Promise.allSettled(deletes)).toMatchObject([
    { status: "fulfilled" },
    {
      status: "rejected",
      reason: refused('Could not find model "arn:aws:sagemaker:us-east-1:000000000000:model/iris".'),
    },
  ]);
});
