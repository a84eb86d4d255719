import * as runtime from "@aws-sdk/client-sagemaker-runtime";
import * as sagemaker from "@aws-sdk/client-sagemaker";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { AsyncEndpoint } from "../../support/async-endpoint.ts";
import { TidewayServer } from "../../support/tideway-server.ts";

let tideway: TidewayServer;
let endpoint: AsyncEndpoint;
beforeAll(async () => {
  tideway = await TidewayServer.start();
  endpoint = await AsyncEndpoint.deploy(tideway, { MaxConcurrentInvocationsPerInstance: 2 });
}, 30_000);
afterAll(() => tideway[Symbol.asyncDispose]());

const UUID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}";

describe("InvokeEndpointAsync", () => {
  test("names the places of result and failure, and the result comes with the model's content type", async () => {
    const answer = await endpoint.invoke("1,2,3");
    expect(answer.$metadata.httpStatusCode).toBe(202);
    expect(answer.InferenceId).toMatch(new RegExp(`^${UUID}$`));
    expect(answer.OutputLocation).toMatch(new RegExp(`^s3://jobs/out/${UUID}\\.out$`));
    expect(answer.FailureLocation).toMatch(new RegExp(`^s3://jobs/failures/${UUID}-error\\.out$`));
    expect(await endpoint.fetched(answer)).toEqual({
      failed: false,
      text: "1,2,3",
      contentType: "text/csv",
    });
  });

  test("takes a body of its own, an id, a name and an extension", async () => {
    const answer = await endpoint.invoke("", {
      Body: Buffer.from("inline"),
      InferenceId: "mine",
      S3OutputPathExtension: "a/b",
      Filename: "result.csv",
    });
    expect(answer).toMatchObject({
      InferenceId: "mine",
      OutputLocation: "s3://jobs/out/a/b/result.csv",
      FailureLocation: "s3://jobs/failures/a/b/result.csv-error.out",
    });
    expect((await endpoint.fetched(answer)).text).toBe("inline");
  });

  test("passes on what the caller says to the container, and nothing else", async () => {
    const answer = await endpoint.invoke("headers", {
      Accept: "application/json",
      CustomAttributes: "trace=1",
      InferenceId: "seven",
    });
    expect(JSON.parse((await endpoint.fetched(answer)).text)).toEqual({
      host: "localhost",
      connection: "close",
      "content-length": "7",
      "content-type": "text/csv",
      accept: "application/json",
      "x-amzn-sagemaker-custom-attributes": "trace=1",
      "x-amzn-sagemaker-inference-id": "seven",
    });
  });

  test("writes what the model says of its failure to the failure path", async () => {
    const failed = await endpoint.fetched(await endpoint.invoke("status 500 it hurts"));
    expect(failed).toMatchObject({ failed: true, text: "it hurts" });
  });

  test.each([
    [{}, "Specify either Body or InputLocation."],
    [
      { Body: Buffer.from("1"), InputLocation: "s3://jobs/in/input" },
      "Specify either Body or InputLocation, not both.",
    ],
    [{ InputLocation: "https://example.com/x" }, "InputLocation must have the form s3://bucket/key"],
    [{ InputLocation: "s3://jobs/" }, "InputLocation must have the form s3://bucket/key"],
    [{ InputLocation: "s3://jobs/a", RequestTTLSeconds: 59 }, "requestTTLSeconds"],
    [{ InputLocation: "s3://jobs/a", InvocationTimeoutSeconds: 3601 }, "invocationTimeoutSeconds"],
    [{ InputLocation: "s3://jobs/a", Filename: "a.b.c" }, "filename"],
    [
      { InputLocation: "s3://jobs/a", EndpointName: "nobody" },
      "Endpoint nobody of account 000000000000 not found.",
    ],
  ])("refuses %j", async (input, message) => {
    const sent = tideway.runtime.send(
      new runtime.InvokeEndpointAsyncCommand({ EndpointName: "later", ...input }),
    );
    await expect(sent).rejects.toMatchObject({
      name: "ValidationError",
      message: expect.stringContaining(message),
    });
  });

  test("refuses a body that is too long", async () => {
    const sent = endpoint.invoke("", { Body: Buffer.alloc(128_001, "x") });
    await expect(sent).rejects.toMatchObject({ $metadata: { httpStatusCode: 413 } });
    const fits = await endpoint.invoke("", { Body: Buffer.alloc(128_000, "x") });
    expect((await endpoint.fetched(fits)).text).toHaveLength(128_000);
  });

  test("an endpoint is for one kind of request only", async () => {
    await expect(tideway.invoke("later", "1")).rejects.toMatchObject({
      name: "ValidationError",
      message: expect.stringContaining("InvokeEndpointAsync"),
    });
    await tideway.deploy("now", { Image: "odd" });
    const sent = new AsyncEndpoint(tideway, "now").invoke("1");
    await expect(sent).rejects.toMatchObject({
      name: "ValidationError",
      message: expect.stringContaining("use InvokeEndpoint."),
    });
  });
});

test("DescribeEndpoint shows how requests are taken", async () => {
  expect((await tideway.describe("later")).AsyncInferenceConfig).toEqual({
    ClientConfig: { MaxConcurrentInvocationsPerInstance: 2 },
    OutputConfig: { S3OutputPath: "s3://jobs/out", S3FailurePath: "s3://jobs/failures/" },
  });
});

test("an endpoint of no instances starts one when a request waits", async () => {
  const scale = (DesiredInstanceCount: number) =>
    tideway.sagemaker.send(
      new sagemaker.UpdateEndpointWeightsAndCapacitiesCommand({
        EndpointName: "later",
        DesiredWeightsAndCapacities: [{ VariantName: "AllTraffic", DesiredInstanceCount }],
      }),
    );
  await scale(0);
  const [variant] = (await tideway.settled("later")).ProductionVariants!;
  expect(variant).toMatchObject({ CurrentInstanceCount: 0, DesiredInstanceCount: 0 });
  expect((await endpoint.fetched(await endpoint.invoke("good morning"))).text).toBe("good morning");
  expect((await tideway.settled("later")).ProductionVariants![0]!.CurrentInstanceCount).toBe(1);
}, 20_000);
