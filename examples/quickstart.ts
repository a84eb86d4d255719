/**
 * Deploys a trained model with the AWS SDK for JavaScript and asks it.
 * Run in the root of the repository, with the environment of `tideway env`: node examples/quickstart.ts
 */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { CreateBucketCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import {
  CreateEndpointCommand,
  CreateEndpointConfigCommand,
  CreateModelCommand,
  DeleteEndpointCommand,
  DeleteEndpointConfigCommand,
  DeleteModelCommand,
  SageMakerClient,
  waitUntilEndpointInService,
} from "@aws-sdk/client-sagemaker";
import { InvokeEndpointCommand, SageMakerRuntimeClient } from "@aws-sdk/client-sagemaker-runtime";

const s3 = new S3Client();
const sagemaker = new SageMakerClient();
const runtime = new SageMakerRuntimeClient();

// A model.tar.gz, as SageMaker wants it.
const archive = execFileSync("tar", ["-cz", "-C", "examples/models/breast-cancer", "model.onnx"]);
await s3.send(new CreateBucketCommand({ Bucket: "js-models" }));
await s3.send(new PutObjectCommand({ Bucket: "js-models", Key: "cancer/model.tar.gz", Body: archive }));

await sagemaker.send(
  new CreateModelCommand({
    ModelName: "js-cancer",
    ExecutionRoleArn: "arn:aws:iam::000000000000:role/any",
    PrimaryContainer: { Image: "tideway/auto", ModelDataUrl: "s3://js-models/cancer/model.tar.gz" },
  }),
);
await sagemaker.send(
  new CreateEndpointConfigCommand({
    EndpointConfigName: "js-cancer",
    ProductionVariants: [
      {
        VariantName: "AllTraffic",
        ModelName: "js-cancer",
        InstanceType: "ml.m5.large",
        InitialInstanceCount: 1,
      },
    ],
  }),
);
const endpoint = { EndpointName: "js-cancer" };
await sagemaker.send(new CreateEndpointCommand({ ...endpoint, EndpointConfigName: "js-cancer" }));
await waitUntilEndpointInService({ client: sagemaker, maxWaitTime: 60, minDelay: 1 }, endpoint);

const [row = ""] = readFileSync("examples/models/breast-cancer/rows.csv", "utf8").split("\n");
const answer = await runtime.send(
  new InvokeEndpointCommand({
    ...endpoint,
    ContentType: "text/csv",
    Accept: "application/json",
    Body: row,
  }),
);
console.log(Buffer.from(answer.Body).toString());

await sagemaker.send(new DeleteEndpointCommand(endpoint));
await sagemaker.send(new DeleteEndpointConfigCommand({ EndpointConfigName: "js-cancer" }));
await sagemaker.send(new DeleteModelCommand({ ModelName: "js-cancer" }));
