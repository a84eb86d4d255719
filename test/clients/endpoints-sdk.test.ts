/** Real-time endpoints as the unmodified AWS SDK for JavaScript uses them, on a whole server with real instances. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as sagemaker from "@aws-sdk/client-sagemaker";
import {
  InvokeEndpointCommand,
  InvokeEndpointWithResponseStreamCommand,
} from "@aws-sdk/client-sagemaker-runtime";
import { afterAll, beforeAll, expect, test } from "vitest";
import { EXAMPLES, modelArchive, ODD_MODEL, TidewayServer } from "../support/tideway-server.ts";

const onnx = readFileSync(join(EXAMPLES, "breast-cancer/model.onnx"));
const rows = readFileSync(join(EXAMPLES, "breast-cancer/rows.csv"), "utf8").trim();
const xgboost = readFileSync(join(EXAMPLES, "breast-cancer-xgboost/xgboost-model"));
const xgboostRows = readFileSync(join(EXAMPLES, "breast-cancer-xgboost/rows.csv"), "utf8").trim();
const expected = (name: string) => JSON.parse(readFileSync(join(EXAMPLES, name, "expected.json"), "utf8"));

let tideway: TidewayServer;
let odd: sagemaker.ContainerDefinition;
beforeAll(async () => {
  tideway = await TidewayServer.start();
  await tideway.image("odd", ODD_MODEL);
  odd = { Image: "odd" };
});
afterAll(() => tideway[Symbol.asyncDispose]());

test("an ONNX model gives scikit-learn's own predictions, through waiters and clients as they come", async () => {
  const ModelDataUrl = await tideway.upload(
    "cancer/model.tar.gz",
    await modelArchive({ "model.onnx": onnx }),
  );
  await tideway.model("cancer", { Image: "tideway/onnx", ModelDataUrl });
  await tideway.config("cancer", {});
  await tideway.sagemaker.send(
    new sagemaker.CreateEndpointCommand({ EndpointName: "cancer", EndpointConfigName: "cancer" }),
  );
  const endpoint = { EndpointName: "cancer" };
  await sagemaker.waitUntilEndpointInService({ client: tideway.sagemaker, maxWaitTime: 60 }, endpoint);
  const answer = await tideway.invoke("cancer", rows, { Accept: "application/json" });
  expect(answer.InvokedProductionVariant).toBe("AllTraffic");
  const { probabilities } = expected("breast-cancer") as { probabilities: number[][] };
  const predictions = (JSON.parse(answer.text) as { predictions: number[][] }).predictions;
  expect(predictions).toHaveLength(probabilities.length);
  predictions.flat().forEach((value, index) => expect(value).toBeCloseTo(probabilities.flat()[index]!, 5));

  await tideway.sagemaker.send(new sagemaker.DeleteEndpointCommand(endpoint));
  await sagemaker.waitUntilEndpointDeleted({ client: tideway.sagemaker, maxWaitTime: 60 }, endpoint);
  await expect(tideway.invoke("cancer", rows)).rejects.toMatchObject({
    name: "ValidationError",
    message: "Endpoint cancer of account 000000000000 not found.",
  });
});

test("AWS's own XGBoost image name runs the model as AWS's container answers", async () => {
  const ModelDataUrl = await tideway.upload(
    "xgb/model.tar.gz",
    await modelArchive({ "xgboost-model": xgboost }),
  );
  const endpoint = await tideway.deploy("xgb", {
    Image: "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1",
    ModelDataUrl,
  });
  expect(endpoint).toMatchObject({
    EndpointStatus: "InService",
    ProductionVariants: [{ DeployedImages: [{ ResolvedImage: expect.stringContaining("xgboost") }] }],
  });
  const { text } = await tideway.invoke("xgb", xgboostRows);
  const values = text.split(",").map(Number);
  const predictions = (Object.values(expected("breast-cancer-xgboost")).find(
    (value) => Array.isArray(value) && value.length === values.length,
  ) ?? []) as number[];
  expect(values).toHaveLength(xgboostRows.split("\n").length);
  values.forEach((value, index) => expect(value).toBeCloseTo(predictions[index]!, 5));
});

test("a folder of uncompressed files serves as well as an archive", async () => {
  await tideway.upload("folder/model.onnx", onnx);
  await tideway.upload("folder-of-another/model.onnx", Buffer.from("not a model"));
  const S3DataSource = {
    S3Uri: "s3://models/folder/",
    S3DataType: "S3Prefix",
    CompressionType: "None",
  } as const;
  expect(
    await tideway.deploy("folder", { Image: "tideway/auto", ModelDataSource: { S3DataSource } }),
  ).toMatchObject({ EndpointStatus: "InService" });
  expect((await tideway.invoke("folder", rows.split("\n")[0]!)).text).toMatch(/^[\d.e-]+,[\d.e-]+\n?$/);
});

test("traffic goes to variants by their weights, and to the one that is named", async () => {
  await tideway.model("odd", odd);
  await tideway.config(
    "two",
    { VariantName: "a", ModelName: "odd", InitialVariantWeight: 1, InitialInstanceCount: 2 },
    { VariantName: "b", ModelName: "odd", InitialVariantWeight: 3 },
  );
  await tideway.sagemaker.send(
    new sagemaker.CreateEndpointCommand({ EndpointName: "two", EndpointConfigName: "two" }),
  );
  await tideway.settled("two");
  const seen: Record<string, number> = { a: 0, b: 0 };
  const processes = new Set<string>();
  for (let index = 0; index < 200; index++) {
    const { InvokedProductionVariant, text } = await tideway.invoke("two", "who");
    seen[InvokedProductionVariant!]!++;
    processes.add(text);
  }
  expect(processes.size).toBe(3);
  expect(seen["a"]! / 200).toBeGreaterThan(0.1);
  expect(seen["a"]! / 200).toBeLessThan(0.45);
  expect((await tideway.invoke("two", "x", { TargetVariant: "a" })).InvokedProductionVariant).toBe("a");
  await expect(tideway.invoke("two", "x", { TargetVariant: "c" })).rejects.toMatchObject({
    name: "ValidationError",
  });

  const DesiredWeightsAndCapacities = [
    { VariantName: "a", DesiredWeight: 0 },
    { VariantName: "b", DesiredInstanceCount: 2 },
  ];
  await tideway.sagemaker.send(
    new sagemaker.UpdateEndpointWeightsAndCapacitiesCommand({
      EndpointName: "two",
      DesiredWeightsAndCapacities,
    }),
  );
  const { ProductionVariants } = await tideway.settled("two");
  expect(ProductionVariants).toMatchObject([
    { CurrentWeight: 0, CurrentInstanceCount: 2 },
    { CurrentWeight: 3, CurrentInstanceCount: 2 },
  ]);
  for (let index = 0; index < 20; index++)
    expect((await tideway.invoke("two", "who")).InvokedProductionVariant).toBe("b");
});

test("five updates under load fail no request", async () => {
  await tideway.model("rolling", odd);
  await tideway.config("rolling", { InitialInstanceCount: 2 });
  await tideway.sagemaker.send(
    new sagemaker.CreateEndpointCommand({ EndpointName: "rolling", EndpointConfigName: "rolling" }),
  );
  await tideway.settled("rolling");
  const stopped = new AbortController();
  let answered = 0;
  const failures: string[] = [];
  const processes = new Set<string>();
  const caller = async () => {
    while (!stopped.signal.aborted)
      await tideway.invoke("rolling", "who").then(
        ({ text }) => (answered++, processes.add(text)),
        (error: Error) => failures.push(`${error.name}: ${error.message}`),
      );
  };
  const callers = Array.from({ length: 8 }, caller);
  for (let round = 0; round < 5; round++) {
    await tideway.sagemaker.send(
      new sagemaker.UpdateEndpointCommand({ EndpointName: "rolling", EndpointConfigName: "rolling" }),
    );
    expect(await tideway.settled("rolling")).toMatchObject({ EndpointStatus: "InService" });
  }
  stopped.abort();
  await Promise.all(callers);
  expect(failures).toEqual([]);
  expect(answered).toBeGreaterThan(50);
  expect(processes.size).toBeGreaterThan(6);
});

test("a response stream arrives part by part, and a broken one ends in an error", async () => {
  await tideway.deploy("stream", odd);
  const stream = (body: string) =>
    tideway.runtime.send(
      new InvokeEndpointWithResponseStreamCommand({
        EndpointName: "stream",
        ContentType: "text/plain",
        Body: Buffer.from(body),
      }),
    );
  const parts: string[] = [];
  for await (const event of (await stream("drip 20")).Body!)
    parts.push(Buffer.from(event.PayloadPart!.Bytes!).toString());
  expect(parts.length).toBeGreaterThan(1);
  expect(parts.join("")).toBe(Array.from({ length: 20 }, (_, line) => `line ${line}\n`).join(""));
  const broken = async () => {
    for await (const event of (await stream("break")).Body!)
      if (event.ModelStreamError) throw event.ModelStreamError;
  };
  await expect(broken()).rejects.toMatchObject({ name: "ModelStreamError", ErrorCode: "StreamBroken" });
});

test("what a container is sent, and what it answers wrong, is as AWS has it", async () => {
  await tideway.deploy("headers", odd);
  const answer = await tideway.invoke("headers", "headers", {
    CustomAttributes: "trace=1",
    InferenceId: "id-1",
    Accept: "application/json",
    ContentType: "text/plain",
  });
  expect(JSON.parse(answer.text)).toMatchObject({
    "content-type": "text/plain",
    accept: "application/json",
    "x-amzn-sagemaker-custom-attributes": "trace=1",
    "x-amzn-sagemaker-inference-id": "id-1",
  });
  expect(JSON.parse(answer.text)).not.toHaveProperty("authorization");
  expect((await tideway.invoke("headers", "echo", { CustomAttributes: "c" })).CustomAttributes).toBe("c");
  await expect(tideway.invoke("headers", "status 500 boom")).rejects.toMatchObject({
    name: "ModelError",
    OriginalStatusCode: 500,
    OriginalMessage: "boom",
    $metadata: { httpStatusCode: 424 },
    message: expect.stringContaining(
      'Received server error (500) from primary with message "boom". See https://us-east-1.console.aws.amazon.com/cloudwatch/home?region=us-east-1#logEventViewer:group=/aws/sagemaker/Endpoints/headers in account 000000000000 for more information.',
    ),
  });
  await expect(tideway.invoke("headers", "status 400 bad row")).rejects.toMatchObject({
    name: "ModelError",
    OriginalStatusCode: 400,
    message: expect.stringContaining("Received client error (400) from primary"),
  });
});

test("a body of 6,291,456 bytes passes, and one more byte is refused", async () => {
  await tideway.deploy("large", odd);
  const body = Buffer.alloc(6_291_456, "x");
  expect((await tideway.invoke("large", body)).Body).toHaveLength(body.length);
  await expect(tideway.invoke("large", Buffer.alloc(6_291_457, "x"))).rejects.toMatchObject({
    $metadata: { httpStatusCode: 413 },
  });
});

test("lists page through everything with the SDK's paginator, and tags stay with their resource", async () => {
  for (let index = 0; index < 5; index++) await tideway.model(`paged-${index}`, odd);
  const names: string[] = [];
  const list = sagemaker.paginateListModels(
    { client: tideway.sagemaker, pageSize: 2 },
    { NameContains: "paged", SortBy: "Name", SortOrder: "Ascending" },
  );
  for await (const page of list) names.push(...page.Models!.map((model) => model.ModelName!));
  expect(names).toEqual(["paged-0", "paged-1", "paged-2", "paged-3", "paged-4"]);
  const { ModelArn: ResourceArn } = await tideway.sagemaker.send(
    new sagemaker.DescribeModelCommand({ ModelName: "paged-0" }),
  );
  await tideway.sagemaker.send(
    new sagemaker.AddTagsCommand({ ResourceArn, Tags: [{ Key: "stage", Value: "test" }] }),
  );
  expect((await tideway.sagemaker.send(new sagemaker.ListTagsCommand({ ResourceArn }))).Tags).toEqual([
    { Key: "stage", Value: "test" },
  ]);
});

test("a constraint of the model is refused in AWS's words", async () => {
  await expect(
    tideway.sagemaker.send(new sagemaker.DescribeEndpointCommand({ EndpointName: "x_y" })),
  ).rejects.toMatchObject({
    name: "ValidationException",
    message:
      "1 validation error detected: Value 'x_y' at 'endpointName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}",
  });
});

test("an operation that is not built says so by name", async () => {
  await expect(tideway.sagemaker.send(new sagemaker.ListHubsCommand({}))).rejects.toMatchObject({
    name: "UnknownOperationException",
    message: expect.stringContaining("ListHubs"),
  });
  await expect(
    tideway.runtime.send(
      new InvokeEndpointCommand({ EndpointName: "large", Body: "x", InferenceComponentName: "c" }),
    ),
  ).rejects.toMatchObject({ name: "ValidationError" });
});
