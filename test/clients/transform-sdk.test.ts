/** Batch transform as the unmodified AWS SDK for JavaScript uses it, on a whole server with real instances. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import * as s3 from "@aws-sdk/client-s3";
import * as sagemaker from "@aws-sdk/client-sagemaker";
import { afterAll, beforeAll, expect, test } from "vitest";
import { TidewayApi } from "../../src/cli/tideway-api.ts";
import { EXAMPLES, modelArchive, ODD_MODEL, TidewayServer } from "../support/tideway-server.ts";

const onnx = readFileSync(join(EXAMPLES, "breast-cancer/model.onnx"));
const rows = readFileSync(join(EXAMPLES, "breast-cancer/rows.csv"), "utf8").trim();

let tideway: TidewayServer;
beforeAll(async () => {
  tideway = await TidewayServer.start();
  const ModelDataUrl = await tideway.upload("model.tar.gz", await modelArchive({ "model.onnx": onnx }));
  await tideway.model("cancer", { Image: "tideway/onnx", ModelDataUrl });
  await tideway.image("odd", ODD_MODEL);
  await tideway.model("odd", { Image: "odd" });
  await tideway.s3.send(new s3.CreateBucketCommand({ Bucket: "data" }));
});
afterAll(() => tideway[Symbol.asyncDispose]());

const put = (Key: string, Body: string | Buffer) =>
  tideway.s3.send(new s3.PutObjectCommand({ Bucket: "data", Key, Body }));
const get = async (Key: string) =>
  (await tideway.s3.send(new s3.GetObjectCommand({ Bucket: "data", Key }))).Body!.transformToString();

/** A job by lines of CSV, from s3://data/in/ to s3://data/out unless said otherwise; as the waiter leaves it. */
async function run(
  TransformJobName: string,
  more: Partial<sagemaker.CreateTransformJobCommandInput> = {},
  input: Partial<sagemaker.TransformInput> = {},
): Promise<sagemaker.DescribeTransformJobResponse> {
  await tideway.sagemaker.send(
    new sagemaker.CreateTransformJobCommand({
      TransformJobName,
      ModelName: "cancer",
      TransformInput: {
        DataSource: { S3DataSource: { S3DataType: "S3Prefix", S3Uri: "s3://data/in/" } },
        ContentType: "text/csv",
        SplitType: "Line",
        ...input,
      },
      TransformOutput: { S3OutputPath: "s3://data/out", AssembleWith: "Line", Accept: "text/csv" },
      TransformResources: { InstanceType: "ml.m5.large", InstanceCount: 1 },
      ...more,
    }),
  );
  const waiter = { client: tideway.sagemaker, maxWaitTime: 120, minDelay: 1, maxDelay: 1 };
  await sagemaker
    .waitUntilTransformJobCompletedOrStopped(waiter, { TransformJobName })
    .catch((error: Error) => expect(error.message).toMatch(/FAILURE|Failed/));
  return tideway.sagemaker.send(new sagemaker.DescribeTransformJobCommand({ TransformJobName }));
}

test("a job writes an output for each object, as scikit-learn predicts, and says how far it is", async () => {
  await put("in/a.csv", `${rows}\n`);
  await put("in/folder/b.csv", `${rows}\n`.repeat(200));
  const job = await run("first", {
    MaxPayloadInMB: 1,
    Tags: [{ Key: "team", Value: "blue" }],
    TransformResources: { InstanceType: "ml.m5.large", InstanceCount: 2 },
  });
  expect(job).toMatchObject({
    TransformJobStatus: "Completed",
    TransformJobArn: "arn:aws:sagemaker:us-east-1:000000000000:transform-job/first",
    MaxConcurrentTransforms: 2,
    TransformStartTime: expect.any(Date),
    TransformEndTime: expect.any(Date),
  });
  const { probabilities } = JSON.parse(
    readFileSync(join(EXAMPLES, "breast-cancer/expected.json"), "utf8"),
  ) as { probabilities: number[][] };
  const predictions = (await get("out/a.csv.out"))
    .trim()
    .split("\n")
    .map((row) => row.split(",").map(Number));
  expect(predictions).toHaveLength(probabilities.length);
  predictions.flat().forEach((value, at) => expect(value).toBeCloseTo(probabilities.flat()[at]!, 5));
  expect(await get("out/folder/b.csv.out")).toBe((await get("out/a.csv.out")).repeat(200));
  const { Tags } = await tideway.sagemaker.send(
    new sagemaker.ListTagsCommand({ ResourceArn: job.TransformJobArn }),
  );
  expect(Tags).toEqual([{ Key: "team", Value: "blue" }]);
  expect(await progress("first")).toMatchObject({
    state: "Completed",
    objects: { done: 2, failed: 0, total: 2 },
    records: rows.split("\n").length * 201,
    percent: 100,
  });
});

const progress = (name: string) => new TidewayApi(tideway.server).transformJob(name);

test("a manifest of compressed objects, with the rows joined to their predictions and filtered", async () => {
  await put(
    "packed/one.csv.gz",
    gzipSync(
      rows
        .split("\n")
        .map((row, at) => `id-${at},${row}`)
        .join("\n"),
    ),
  );
  await put("list.json", JSON.stringify([{ prefix: "s3://data/packed/" }, "one.csv.gz"]));
  const job = await run(
    "joined",
    { DataProcessing: { InputFilter: "$[1:]", JoinSource: "Input", OutputFilter: "$[0,-1]" } },
    {
      DataSource: { S3DataSource: { S3DataType: "ManifestFile", S3Uri: "s3://data/list.json" } },
      CompressionType: "Gzip",
    },
  );
  expect(job.FailureReason).toBeUndefined();
  const plain = (await get("out/a.csv.out"))
    .trim()
    .split("\n")
    .map((row) => row.split(",")[1]);
  expect((await get("out/one.csv.gz.out")).trim().split("\n")).toEqual(
    plain.map((value, at) => `id-${at},${value}`),
  );
});

test("one object of many payloads, streamed to a container without a limit, and an answer that comes as it goes", async () => {
  const large = Buffer.alloc(30_000_000, "0123456789\n");
  await put("large/all.csv", large);
  const source = {
    DataSource: { S3DataSource: { S3DataType: "S3Prefix" as const, S3Uri: "s3://data/large" } },
  };
  const odd = { ModelName: "odd", TransformOutput: { S3OutputPath: "s3://data/echo" } };
  expect(
    await run("streamed", { ...odd, MaxPayloadInMB: 0 }, { ...source, SplitType: "None" }),
  ).toMatchObject({
    TransformJobStatus: "Completed",
  });
  expect(Buffer.from(await get("echo/all.csv.out")).equals(large)).toBe(true);
  expect(await run("payloads", { ...odd, MaxPayloadInMB: 5 }, source)).toMatchObject({
    TransformJobStatus: "Completed",
  });
  expect(Buffer.from(await get("echo/all.csv.out")).equals(large)).toBe(true);
});

test("a crash of the container fails its object only; a stop is obeyed; what is missing is said in AWS's words", async () => {
  await put("odd/bad.csv", "crash");
  await put("odd/good.csv", "1,2\n");
  const odd = {
    ModelName: "odd",
    ModelClientConfig: { InvocationsMaxRetries: 0 },
    TransformOutput: { S3OutputPath: "s3://data/odd-out" },
  };
  const source = {
    DataSource: { S3DataSource: { S3DataType: "S3Prefix" as const, S3Uri: "s3://data/odd/" } },
  };
  const job = await run("crash", odd, source);
  expect(job).toMatchObject({
    TransformJobStatus: "Failed",
    FailureReason: expect.stringMatching(
      /^AlgorithmError: s3:\/\/data\/odd\/bad\.csv: Record 1, which begins at byte 0: the model's instance broke off/,
    ),
  });
  expect(await get("odd-out/good.csv.out")).toBe("1,2\n");
  await expect(get("odd-out/bad.csv.out")).rejects.toMatchObject({ name: "NoSuchKey" });

  await put("hang/a.csv", "hang");
  const hanging = run("stopped", odd, {
    DataSource: { S3DataSource: { S3DataType: "S3Prefix", S3Uri: "s3://data/hang/" } },
  });
  const stop = { TransformJobName: "stopped" };
  while (!(await tideway.sagemaker.send(new sagemaker.StopTransformJobCommand(stop)).catch(() => undefined)))
    await new Promise((resolve) => setTimeout(resolve, 20));
  expect(await hanging).toMatchObject({ TransformJobStatus: "Stopped" });
  await expect(
    tideway.sagemaker.send(new sagemaker.DescribeTransformJobCommand({ TransformJobName: "none" })),
  ).rejects.toMatchObject({
    name: "ValidationException",
    message: "Could not find requested job with name: none",
  });
  await expect(run("first")).rejects.toMatchObject({ name: "ResourceInUse" });
  await expect(run("no-model", { ModelName: "none" })).rejects.toThrow(
    /^Could not find model "arn:aws:sagemaker/,
  );
});
