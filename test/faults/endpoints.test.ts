/** What breaks in a model, an archive or a process, and what the user then sees: rows of the fault catalogue. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as s3 from "@aws-sdk/client-s3";
import * as sagemaker from "@aws-sdk/client-sagemaker";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  CONTRACT_SERVER,
  EXAMPLES,
  modelArchive,
  ODD_MODEL,
  TidewayServer,
} from "../support/tideway-server.ts";

const onnx = readFileSync(join(EXAMPLES, "breast-cancer/model.onnx"));
const row = readFileSync(join(EXAMPLES, "breast-cancer/rows.csv"), "utf8").split("\n")[0]!;

let tideway: TidewayServer;
beforeAll(async () => {
  tideway = await TidewayServer.start();
  await tideway.image("odd", ODD_MODEL);
  await tideway.image("contract", CONTRACT_SERVER);
});
afterAll(() => tideway[Symbol.asyncDispose]());

/** What a deployment of this archive ends with. */
async function failure(name: string, archive: Buffer, image = "tideway/auto"): Promise<string> {
  const ModelDataUrl = await tideway.upload(`${name}.tar.gz`, archive);
  const endpoint = await tideway.deploy(name, { Image: image, ModelDataUrl });
  expect(endpoint.EndpointStatus).toBe("Failed");
  expect(endpoint.FailureReason).toMatch(
    /^The container for production variant AllTraffic could not be started: /,
  );
  return endpoint.FailureReason!;
}

test("artifacts that can not be served end in Failed, each with its cause", async () => {
  const good = await modelArchive({ "model.onnx": onnx });
  expect(await failure("truncated", good.subarray(0, good.length - 100))).toMatch(
    /truncated|ends|incomplete|cut/i,
  );
  expect(await failure("not-gzip", Buffer.from("this is no archive"))).toMatch(/gzip/i);
  expect(
    await failure(
      "corrupt",
      await modelArchive({ "model.onnx": Buffer.concat([onnx.subarray(0, 500), Buffer.from("garbage")]) }),
    ),
  ).toMatch(/model\.onnx/);
  expect(await failure("empty-model", await modelArchive({ "model.onnx": "" }))).toMatch(/model\.onnx/);
  expect(await failure("pickle", await modelArchive({ "model.pkl": "x" }))).toMatch(
    /inference\.py|container/,
  );
  expect(await failure("nothing", await modelArchive({ "readme.md": "hello" }))).toMatch(/readme\.md/);
});

test("an image that no program is known for is refused with what to do", async () => {
  expect(await tideway.deploy("unknown-image", { Image: "example.com/my/image:1" })).toMatchObject({
    EndpointStatus: "Failed",
    FailureReason: expect.stringContaining("tideway image add"),
  });
});

test("a container that crashes at its start fails with its last words; a deleted endpoint frees its name", async () => {
  const crashing = { Image: "contract", Environment: { CRASH_AT_START: "no module named frobnicate" } };
  const endpoint = await tideway.deploy("crashes", crashing);
  expect(endpoint).toMatchObject({
    EndpointStatus: "Failed",
    FailureReason: expect.stringContaining("no module named frobnicate"),
  });
  await expect(tideway.invoke("crashes", "x")).rejects.toMatchObject({
    $metadata: { httpStatusCode: expect.toSatisfy((status: number) => status === 400 || status === 503) },
  });
  await tideway.sagemaker.send(new sagemaker.DeleteEndpointCommand({ EndpointName: "crashes" }));
  await sagemaker.waitUntilEndpointDeleted(
    { client: tideway.sagemaker, maxWaitTime: 60 },
    { EndpointName: "crashes" },
  );
  await tideway.config("crashes-2", { ModelName: "crashes" });
  await tideway.sagemaker.send(
    new sagemaker.CreateEndpointCommand({ EndpointName: "crashes", EndpointConfigName: "crashes-2" }),
  );
  expect((await tideway.settled("crashes")).EndpointStatus).toBe("Failed");
});

test("an update to a broken model leaves the old one serving, with the reason", async () => {
  const ModelDataUrl = await tideway.upload("steady.tar.gz", await modelArchive({ "model.onnx": onnx }));
  await tideway.deploy("steady", { Image: "tideway/auto", ModelDataUrl });
  const broken = await tideway.upload("broken.tar.gz", await modelArchive({ "model.onnx": "garbage" }));
  await tideway.model("steady-broken", { Image: "tideway/auto", ModelDataUrl: broken });
  await tideway.config("steady-broken", {});
  await tideway.sagemaker.send(
    new sagemaker.UpdateEndpointCommand({ EndpointName: "steady", EndpointConfigName: "steady-broken" }),
  );
  expect(await tideway.settled("steady")).toMatchObject({
    EndpointStatus: "InService",
    EndpointConfigName: "steady",
    FailureReason: expect.stringContaining("model.onnx"),
  });
  expect((await tideway.invoke("steady", row)).text).toMatch(/,/);
});

test("an instance that crashes fails its own request only, and is replaced", async () => {
  await tideway.model("odd", { Image: "odd" });
  await tideway.config("crash", { ModelName: "odd", InitialInstanceCount: 2 });
  await tideway.sagemaker.send(
    new sagemaker.CreateEndpointCommand({ EndpointName: "crash", EndpointConfigName: "crash" }),
  );
  await tideway.settled("crash");
  await expect(tideway.invoke("crash", "crash")).rejects.toMatchObject({
    name: "ModelError",
    OriginalStatusCode: 0,
  });
  for (let index = 0; index < 20; index++)
    expect((await tideway.invoke("crash", "hello")).text).toBe("hello");
  const seen = new Set<string>();
  for (let tries = 0; tries < 400 && seen.size < 2; tries++) {
    seen.add((await tideway.invoke("crash", "who")).text);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  expect(seen.size).toBe(2);
  expect((await tideway.describe("crash")).EndpointStatus).toBe("InService");
});

test("a client that goes away frees the instance, and others are served meanwhile", async () => {
  await tideway.config("gone", { ModelName: "odd" });
  await tideway.sagemaker.send(
    new sagemaker.CreateEndpointCommand({ EndpointName: "gone", EndpointConfigName: "gone" }),
  );
  await tideway.settled("gone");
  const { InvokeEndpointCommand } = await import("@aws-sdk/client-sagemaker-runtime");
  const abort = new AbortController();
  const hanging = tideway.runtime.send(new InvokeEndpointCommand({ EndpointName: "gone", Body: "hang" }), {
    abortSignal: abort.signal,
  });
  hanging.catch(() => {});
  expect((await tideway.invoke("gone", "hello")).text).toBe("hello");
  abort.abort();
  await expect(hanging).rejects.toMatchObject({ name: "AbortError" });
  await tideway.sagemaker.send(new sagemaker.DeleteEndpointCommand({ EndpointName: "gone" }));
  await sagemaker.waitUntilEndpointDeleted(
    { client: tideway.sagemaker, maxWaitTime: 60 },
    { EndpointName: "gone" },
  );
});

test("an endpoint goes on scaling when its artifact is gone from S3, with the bytes it began with", async () => {
  const ModelDataUrl = await tideway.upload("vanishing.tar.gz", await modelArchive({ "model.onnx": onnx }));
  await tideway.deploy("vanishing", { Image: "tideway/auto", ModelDataUrl });
  await tideway.s3.send(new s3.DeleteObjectCommand({ Bucket: "models", Key: "vanishing.tar.gz" }));
  const DesiredWeightsAndCapacities = [{ VariantName: "AllTraffic", DesiredInstanceCount: 2 }];
  await tideway.sagemaker.send(
    new sagemaker.UpdateEndpointWeightsAndCapacitiesCommand({
      EndpointName: "vanishing",
      DesiredWeightsAndCapacities,
    }),
  );
  expect(await tideway.settled("vanishing")).toMatchObject({
    EndpointStatus: "InService",
    ProductionVariants: [{ CurrentInstanceCount: 2 }],
  });
});

test("rows that a model can not take are the caller's error, with the line", async () => {
  await expect(tideway.invoke("steady", "1,2,x")).rejects.toMatchObject({
    name: "ModelError",
    OriginalStatusCode: 400,
  });
  await expect(tideway.invoke("steady", row, { ContentType: "application/x-unknown" })).rejects.toMatchObject(
    { name: "ModelError", OriginalStatusCode: 415 },
  );
});
