import { createHash } from "node:crypto";
import * as s3Sdk from "@aws-sdk/client-s3";
import * as sagemaker from "@aws-sdk/client-sagemaker";
import * as runtime from "@aws-sdk/client-sagemaker-runtime";
import * as sts from "@aws-sdk/client-sts";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type TestServer, startTestServer } from "../wire/test-server.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server[Symbol.asyncDispose]());

const config = () => ({
  region: "us-east-1",
  endpoint: server.url,
  credentials: server.keys,
  maxAttempts: 1,
});

describe("awsJson 1.1", () => {
  test("an output comes back, an input arrives whole", async () => {
    const client = new sagemaker.SageMakerClient(config());
    const { ModelArn } = await client.send(
      new sagemaker.CreateModelCommand({
        ModelName: "iris",
        ExecutionRoleArn: ROLE,
        PrimaryContainer: { Image: "xgboost", Environment: { A: "ü" } },
      }),
    );
    expect(ModelArn).toBe("arn:aws:sagemaker:us-east-1:000000000000:model/iris");
    expect(server.calls.at(-1)).toMatchObject({
      operation: "CreateModel",
      input: { ModelName: "iris", PrimaryContainer: { Image: "xgboost", Environment: { A: "ü" } } },
      caller: { arn: "arn:aws:iam::000000000000:root", accessKeyId: server.keys.accessKeyId },
    });
  });

  test("an exception of the model arrives as its class", async () => {
    const client = new sagemaker.SageMakerClient(config());
    await expect(
      client.send(new sagemaker.DescribeModelCommand({ ModelName: "gone" })),
    ).rejects.toBeInstanceOf(sagemaker.ResourceNotFound);
  });
});

const ROLE = "arn:aws:iam::000000000000:role/tideway";

describe("awsQuery", () => {
  test("GetCallerIdentity, with the request id in the body", async () => {
    const answer = await new sts.STSClient(config()).send(new sts.GetCallerIdentityCommand({}));
    expect(answer.Account).toBe("000000000000");
    expect(answer.$metadata.requestId).toMatch(/^[0-9a-f-]{36}$/);
  });
});

describe("restJson1", () => {
  test("a body and headers pass both ways", async () => {
    const client = new runtime.SageMakerRuntimeClient(config());
    const answer = await client.send(
      new runtime.InvokeEndpointCommand({
        EndpointName: "echo",
        Body: Buffer.from("1,2"),
        ContentType: "text/csv",
        CustomAttributes: "a=b",
      }),
    );
    expect(Buffer.from(answer.Body).toString()).toBe("1,2");
    expect(answer).toMatchObject({
      ContentType: "text/csv",
      CustomAttributes: "a=b",
      InvokedProductionVariant: "AllTraffic",
    });
  });

  test("a model's error has its status and members", async () => {
    const client = new runtime.SageMakerRuntimeClient(config());
    const error = await client
      .send(new runtime.InvokeEndpointCommand({ EndpointName: "broken", Body: Buffer.from("x") }))
      .catch((one: unknown) => one);
    expect(error).toBeInstanceOf(runtime.ModelError);
    expect(error).toMatchObject({
      OriginalStatusCode: 500,
      OriginalMessage: "boom",
      $metadata: { httpStatusCode: 424 },
    });
  });

  test("a response stream, and an error inside it", async () => {
    const client = new runtime.SageMakerRuntimeClient(config());
    const answer = await client.send(
      new runtime.InvokeEndpointWithResponseStreamCommand({ EndpointName: "words", Body: Buffer.from("x") }),
    );
    const words: string[] = [];
    for await (const event of answer.Body ?? [])
      words.push(Buffer.from(event.PayloadPart?.Bytes ?? []).toString());
    expect(words).toEqual(["one ", "two ", "three"]);
    const breaks = await client.send(
      new runtime.InvokeEndpointWithResponseStreamCommand({ EndpointName: "breaks", Body: Buffer.from("x") }),
    );
    const reading = async () => {
      for await (const _ of breaks.Body ?? []) continue;
    };
    await expect(reading()).rejects.toMatchObject({ name: "ModelStreamError", ErrorCode: "StreamBroken" });
  });
});

describe("restXml", () => {
  const client = () => new s3Sdk.S3Client({ ...config(), forcePathStyle: true });

  test.each(["CRC32", "SHA256", "CRC64NVME"] as const)(
    "put with a %s checksum in a trailer, get",
    async (ChecksumAlgorithm) => {
      const body = Buffer.alloc(200_000, "tide");
      async function* stream() {
        yield body.subarray(0, 70_000);
        yield body.subarray(70_000);
      }
      const { Readable } = await import("node:stream");
      const { ETag } = await client().send(
        new s3Sdk.PutObjectCommand({
          Bucket: "b",
          Key: "dir/a b+ü.bin",
          Body: Readable.from(stream()),
          ContentLength: body.length,
          ChecksumAlgorithm,
        }),
      );
      expect(ETag).toBe(`"${createHash("md5").update(body).digest("hex")}"`);
      expect(server.calls.at(-1)?.trailers.get(`x-amz-checksum-${ChecksumAlgorithm.toLowerCase()}`)).toMatch(
        /=$/,
      );
      const { Body } = await client().send(new s3Sdk.GetObjectCommand({ Bucket: "b", Key: "dir/a b+ü.bin" }));
      expect(Buffer.from((await Body?.transformToByteArray()) ?? [])).toEqual(body);
    },
  );

  test("a missing key is NoSuchKey, with the request id in the body", async () => {
    const error = await client()
      .send(new s3Sdk.GetObjectCommand({ Bucket: "b", Key: "gone" }))
      .catch((one: unknown) => one);
    expect(error).toBeInstanceOf(s3Sdk.NoSuchKey);
    expect((error as { RequestId: string }).RequestId).toBe((error as s3Sdk.NoSuchKey).$metadata.requestId);
  });

  test("presigned URLs for reading and writing", async () => {
    const put = await getSignedUrl(client(), new s3Sdk.PutObjectCommand({ Bucket: "b", Key: "url.txt" }));
    expect((await fetch(put, { method: "PUT", body: "by url" })).status).toBe(200);
    const get = await getSignedUrl(client(), new s3Sdk.GetObjectCommand({ Bucket: "b", Key: "url.txt" }));
    expect(await (await fetch(get)).text()).toBe("by url");
    expect((await fetch(`${get}&versionId=2`)).status).toBe(403);
  });
});
