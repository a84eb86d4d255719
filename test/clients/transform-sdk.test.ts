/** Batch transform as the unmodified AWS SDK for JavaScript uses it, on a whole server with real instances. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as s3 from "@aws-sdk/client-s3";
import * as sagemaker from "@aws-sdk/client-sagemaker";
import { afterAll, beforeAll, expect, test } from "vitest";
import { EXAMPLES, modelArchive, TidewayServer } from "../support/tideway-server.ts";

const onnx = readFileSync(join(EXAMPLES, "breast-cancer/model.onnx"));
const rows = readFileSync(join(EXAMPLES, "breast-cancer/rows.csv"), "utf8").trim();

let tideway: TidewayServer;
beforeAll(async () => {
  tideway = await TidewayServer.start();
  const ModelDataUrl = await tideway.upload("model.tar.gz", await modelArchive({ "model.onnx": onnx }));
  await tideway.model("cancer", { Image: "tideway/onnx", ModelDataUrl });
  await tideway.s3.send(new s3.CreateBucketCommand({ Bucket: "data" }));
});
afterAll(() => tideway[Symbol.asyncDispose]());

test("a job writes an output for each object, in order", async () => {
  for (const [key, times] of [
    ["in/a.csv", 3],
    ["in/folder/b.csv", 500],
  ] as const)
    await tideway.s3.send(
      new s3.PutObjectCommand({ Bucket: "data", Key: key, Body: `${rows}\n`.repeat(times) }),
    );
  await tideway.sagemaker.send(
    new sagemaker.CreateTransformJobCommand({
      TransformJobName: "first",
      ModelName: "cancer",
      MaxPayloadInMB: 1,
      TransformInput: {
        DataSource: { S3DataSource: { S3DataType: "S3Prefix", S3Uri: "s3://data/in/" } },
        ContentType: "text/csv",
        SplitType: "Line",
      },
      TransformOutput: { S3OutputPath: "s3://data/out", AssembleWith: "Line", Accept: "text/csv" },
      TransformResources: { InstanceType: "ml.m5.large", InstanceCount: 1 },
    }),
  );
  await sagemaker.waitUntilTransformJobCompletedOrStopped(
    { client: tideway.sagemaker, maxWaitTime: 61 },
    { TransformJobName: "first" },
  );
  console.log(
    await tideway.sagemaker.send(new sagemaker.DescribeTransformJobCommand({ TransformJobName: "first" })),
  );
  const list = await tideway.s3.send(new s3.ListObjectsV2Command({ Bucket: "data" }));
  console.log(list.Contents);
  const got = await (
    await tideway.s3.send(new s3.GetObjectCommand({ Bucket: "data", Key: "out/a.csv.out" }))
  ).Body!.transformToString();
  console.log(got.slice(0, 300));
  expect(got.trim().split("\n")).toHaveLength(rows.split("\n").length * 3);
});
