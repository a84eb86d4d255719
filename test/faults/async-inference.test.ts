/** What can go wrong with an asynchronous request, and what is left behind then. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import * as s3 from "@aws-sdk/client-s3";
import * as sagemaker from "@aws-sdk/client-sagemaker";
import { AsyncEndpoint } from "../support/async-endpoint.ts";
import { EXAMPLES, modelArchive, TidewayServer } from "../support/tideway-server.ts";

let tideway: TidewayServer;
let endpoint: AsyncEndpoint;
beforeAll(async () => {
  tideway = await TidewayServer.start();
  endpoint = await AsyncEndpoint.deploy(tideway, { MaxConcurrentInvocationsPerInstance: 2 });
}, 30_000);
afterAll(() => tideway[Symbol.asyncDispose]());

const failureOf = async (text: string, more = {}) => {
  const found = await endpoint.fetched(await endpoint.invoke(text, more));
  expect(found.failed).toBe(true);
  return found.text;
};

test("an input that is not there, or in no bucket", async () => {
  expect(await failureOf("", { InputLocation: "s3://jobs/nothing" })).toBe(
    'ClientError: The input s3://jobs/nothing could not be read: There is no object "nothing" in the bucket "jobs".',
  );
  expect(await failureOf("", { InputLocation: "s3://nobody/nothing" })).toBe(
    'ClientError: The input s3://nobody/nothing could not be read: There is no bucket "nobody".',
  );
});

test("an input that is taken away while it waits", async () => {
  const busy = await Promise.all([
    endpoint.invoke("hang", { InvocationTimeoutSeconds: 1 }),
    endpoint.invoke("hang", { InvocationTimeoutSeconds: 1 }),
  ]);
  const waiting = await endpoint.invoke("1", {}, "in/gone");
  await tideway.s3.send(new s3.DeleteObjectCommand({ Bucket: "jobs", Key: "in/gone" }));
  expect(await endpoint.fetched(waiting)).toMatchObject({
    failed: true,
    text: expect.stringContaining('There is no object "in/gone"'),
  });
  for (const one of busy)
    expect(await endpoint.fetched(one)).toEqual({
      failed: true,
      text: "ClientError: The model did not answer within the 1 s of InvocationTimeoutSeconds.",
      contentType: "text/plain; charset=utf-8",
    });
}, 15_000);

test("an empty input is the model's to judge", async () => {
  expect(await endpoint.fetched(await endpoint.invoke(""))).toMatchObject({ failed: false, text: "" });
});

test("an answer that breaks off leaves no result", async () => {
  const answer = await endpoint.invoke("break");
  expect((await endpoint.fetched(answer)).text).toMatch(/broke off/);
  expect(await endpoint.read(answer.OutputLocation, false)).toBeUndefined();
}, 30_000);

test("results and inputs of 60 MB pass", async () => {
  const answer = await endpoint.fetched(await endpoint.invoke("large 60000000"));
  expect(answer.text).toHaveLength(60_000_000);
  const echo = await endpoint.fetched(await endpoint.invoke(Buffer.alloc(60_000_000, "y")));
  expect(echo.text).toHaveLength(60_000_000);
}, 30_000);

test("a request under which three instances end is given up, and takes none beside it along", async () => {
  const [crash, ...others] = await Promise.all(
    ["crash", "1", "2", "3", "4", "5"].map((text) => endpoint.invoke(text, {}, `in/beside-${text}`)),
  );
  expect((await endpoint.fetched(crash!)).text).toMatch(
    /^InternalServerError: Each of 3 instances broke off while it had the request\. The last time: /,
  );
  const texts = await Promise.all(others.map(async (one) => (await endpoint.fetched(one)).text));
  expect(texts).toEqual(["1", "2", "3", "4", "5"]);
}, 30_000);

test("an input that is too large for the model server", async () => {
  await using other = await TidewayServer.start();
  const archive = await modelArchive({ "model.onnx": readFileSync(`${EXAMPLES}/breast-cancer/model.onnx`) });
  const small = await AsyncEndpoint.deploy(
    other,
    {},
    {},
    {
      Image: "tideway/auto",
      ModelDataUrl: await other.upload("cancer.tar.gz", archive),
      Environment: { TIDEWAY_MAX_BODY_BYTES: "100000" },
    },
  );
  for (let time = 0; time < 3; time++)
    expect(await small.fetched(await small.invoke(Buffer.alloc(8_000_000, "1,")))).toMatchObject({
      failed: true,
      text: expect.stringContaining("larger than 100000 bytes"),
    });
}, 30_000);

test("an output bucket that is gone", async () => {
  await tideway.s3.send(new s3.CreateBucketCommand({ Bucket: "gone" }));
  await endpoint.config("elsewhere", {}, { S3OutputPath: "s3://gone/out" });
  const update = { EndpointName: "later", EndpointConfigName: "elsewhere" };
  await tideway.sagemaker.send(new sagemaker.UpdateEndpointCommand(update));
  expect((await tideway.settled("later")).EndpointStatus).toBe("InService");
  await tideway.s3.send(new s3.DeleteBucketCommand({ Bucket: "gone" }));
  expect(await failureOf("1")).toMatch(
    /^ClientError: The response could not be written to s3:\/\/gone\/out\/.*\.out: There is no bucket "gone"\.$/,
  );
}, 30_000);

test("an update serves what waits, a deletion fails it", async () => {
  await endpoint.config("slow", { MaxConcurrentInvocationsPerInstance: 1 });
  const update = { EndpointName: "later", EndpointConfigName: "slow" };
  await tideway.sagemaker.send(new sagemaker.UpdateEndpointCommand(update));
  await tideway.settled("later");
  const hang = { InvocationTimeoutSeconds: 2 };
  const first = await endpoint.invoke("hang", hang);
  const waiting = await Promise.all(["a", "b", "c"].map((text) => endpoint.invoke(text, {}, `in/${text}`)));
  await tideway.sagemaker.send(
    new sagemaker.UpdateEndpointCommand({ EndpointName: "later", EndpointConfigName: "first" }),
  );
  const texts = await Promise.all(waiting.map(async (one) => (await endpoint.fetched(one)).text));
  expect(texts).toEqual(["a", "b", "c"]);
  // what was under way has its whole time, on the instance that had it
  expect((await endpoint.fetched(first)).text).toMatch(/within the 2 s/);
  await tideway.settled("later");

  const stuck = await Promise.all([endpoint.invoke("hang", hang), endpoint.invoke("hang", hang)]);
  const lost = await endpoint.invoke("never");
  await tideway.sagemaker.send(new sagemaker.DeleteEndpointCommand({ EndpointName: "later" }));
  expect(await endpoint.fetched(lost)).toMatchObject({
    failed: true,
    text: "ClientError: The endpoint later was deleted, or takes no asynchronous requests any more.",
  });
  for (const one of stuck) expect((await endpoint.fetched(one)).failed).toBe(true);
}, 30_000);
