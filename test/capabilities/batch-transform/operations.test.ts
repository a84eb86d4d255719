/** What CreateTransformJob refuses, and what the other operations say. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { sums, TransformFixture } from "./transform-fixture.ts";

let jobs: TransformFixture;
beforeAll(async () => {
  jobs = await TransformFixture.open();
});
afterAll(() => jobs[Symbol.asyncDispose]());

const source = (S3DataType: string, S3Uri: string) => ({
  TransformInput: {
    DataSource: { S3DataSource: { S3DataType, S3Uri } },
    SplitType: "Line",
    ContentType: "text/csv",
  },
});

test.each([
  [{ MaxPayloadInMB: 101 }, "MaxPayloadInMB cannot be greater than 100 MB, and is 101."],
  [
    { MaxPayloadInMB: 20, MaxConcurrentTransforms: 6 },
    "MaxConcurrentTransforms * MaxPayloadInMB cannot be greater than 100 MB, and is 120 MB.",
  ],
  [
    { MaxConcurrentTransforms: 17 },
    "MaxConcurrentTransforms * MaxPayloadInMB cannot be greater than 100 MB, and is 102 MB.",
  ],
  [source("AugmentedManifestFile", "s3://data/x"), /^S3DataType: AugmentedManifestFile as the input/],
  [source("S3Prefix", "https://data/x"), "S3Uri must have the form s3://bucket/prefix, not https://data/x."],
  [
    source("ManifestFile", "s3://data"),
    "S3Uri must have the form s3://bucket/key of a manifest, not s3://data.",
  ],
  [
    { TransformOutput: { S3OutputPath: "https://x/y" } },
    "S3OutputPath must have the form s3://bucket/prefix, not https://x/y.",
  ],
  [
    { TransformResources: { InstanceType: "ml.m5.large", InstanceCount: 101 } },
    "InstanceCount can not be greater than 100.",
  ],
  [
    {
      ...source("S3Prefix", "s3://data/x"),
      BatchStrategy: "SingleRecord",
      TransformInput: { DataSource: source("S3Prefix", "s3://data/x").TransformInput.DataSource },
    },
    "BatchStrategy SingleRecord needs a SplitType of Line, RecordIO or TFRecord.",
  ],
  [{ DataProcessing: { InputFilter: "$[" } }, /^Invalid InputFilter: "\$\["\. /],
  [
    { DataProcessing: { JoinSource: "Input" }, TransformOutput: { S3OutputPath: "s3://out" } },
    /^Invalid DataProcessing: TransformOutput\.AssembleWith must be TransformInput\.SplitType, Line/,
  ],
  [
    { TransformOutput: { S3OutputPath: "s3://out", Accept: "text/csv\r\nx: y" } },
    "Accept goes to the container as a header, and may hold visible ASCII only.",
  ],
  [{ Tags: [{ Key: "aws:x", Value: "y" }] }, "The tag key aws:x begins with aws:, which is reserved."],
])("%j is refused", async (more, message) => {
  await expect(jobs.create("job", more as never)).rejects.toThrow(message);
  await expect(jobs.describe("job")).rejects.toThrow("Could not find requested job with name: job");
});

test("jobs are listed by state, name and time, newest first, over pages", async () => {
  await jobs.put("in/a.csv", "1\n");
  for (const name of ["one", "two", "three"]) {
    await jobs.create(name);
    await jobs.ended(name);
    await jobs.clock.advance(1000);
  }
  jobs.model = () => new Promise(() => {});
  await jobs.create("four");
  const list = async (input = {}) => jobs.api.ListTransformJobs!(input, undefined as never);
  const names = async (input = {}) =>
    (await list(input)).TransformJobSummaries!.map(({ TransformJobName }) => TransformJobName);
  expect(await names()).toEqual(["four", "three", "two", "one"]);
  expect(await names({ StatusEquals: "Completed", SortBy: "Name", SortOrder: "Ascending" })).toEqual([
    "one",
    "three",
    "two",
  ]);
  expect(await names({ NameContains: "o", SortBy: "Status" })).toHaveLength(3);
  const page = await list({ MaxResults: 3 });
  expect(await names({ MaxResults: 3, NextToken: page.NextToken })).toEqual(["one"]);
  expect(page.TransformJobSummaries![1]).toMatchObject({
    TransformJobStatus: "Completed",
    TransformEndTime: expect.any(Date),
    LastModifiedTime: expect.any(Date),
  });
  await expect(list({ NextToken: "forged" })).rejects.toThrow(
    "NextToken is not one that this request was given before.",
  );
});

test("a name is given once, whatever its case, also when its job has ended", async () => {
  await jobs.put("in/a.csv", "1\n");
  jobs.model = sums;
  await jobs.create("Job");
  await jobs.ended("job");
  await expect(jobs.create("job")).rejects.toMatchObject({
    name: "ResourceInUse",
    message:
      "Job name must be unique within an AWS account and region, and a job with this name already exists (arn:aws:sagemaker:us-east-1:000000000000:transform-job/job)",
  });
});
