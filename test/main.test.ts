import { readFileSync, statSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ListObjectsV2Command } from "@aws-sdk/client-s3";
import { ListEndpointsCommand } from "@aws-sdk/client-sagemaker";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { expect, test } from "vitest";
import { EXAMPLES, modelArchive, TidewayServer } from "./support/tideway-server.ts";

test("a second server on one data folder, or on one port, is refused in a sentence", async () => {
  await using first = await TidewayServer.start();
  await expect(TidewayServer.start({ dataDir: first.dataDir })).rejects.toThrow(
    /uses the data folder .*--data/,
  );
  const dataDir = await mkdtemp(join(tmpdir(), "tideway-second-"));
  const port = Number(new URL(first.server.url).port);
  await expect(TidewayServer.start({ dataDir, port })).rejects.toThrow(`Port ${port} is in use.`);
  await using _ = await TidewayServer.start({ dataDir });
});

test("an address that other machines reach needs --allow-remote", async () => {
  for (const host of ["0.0.0.0", "::", "192.0.2.1"])
    await expect(TidewayServer.start({ host })).rejects.toThrow("--allow-remote");
});

test("the root key is made once, is its owner's alone, and may be set by the environment", async () => {
  const dataDir = await mkdtemp(join(tmpdir(), "tideway-key-"));
  const keys = async (env: Record<string, string>) => {
    const tideway = await TidewayServer.start({ dataDir, env: { PATH: process.env["PATH"], ...env } });
    const { accessKeyId, secretAccessKey, url: endpoint, region } = tideway.server;
    const sts = new STSClient({ endpoint, region, credentials: { accessKeyId, secretAccessKey } });
    expect(await sts.send(new GetCallerIdentityCommand({}))).toMatchObject({
      Account: "000000000000",
      Arn: "arn:aws:iam::000000000000:root",
    });
    await tideway.server[Symbol.asyncDispose]();
    return accessKeyId;
  };
  const first = await keys({});
  expect(statSync(join(dataDir, "credentials.json")).mode & 0o777).toBe(0o600);
  expect(await keys({})).toBe(first);
  expect(await keys({ TIDEWAY_ACCESS_KEY_ID: "MINE", TIDEWAY_SECRET_ACCESS_KEY: "a-secret-of-mine" })).toBe(
    "MINE",
  );
  await expect(keys({ TIDEWAY_ACCESS_KEY_ID: "MINE" })).rejects.toThrow("must be set together");
  await rm(dataDir, { recursive: true });
});

test("health and info answer without a signature, and nothing else does", async () => {
  await using tideway = await TidewayServer.start();
  const get = (path: string, headers: Record<string, string> = {}) =>
    fetch(tideway.server.url + path, { headers });
  expect(await (await get("/_tideway/health")).json()).toEqual({ status: "ok" });
  expect(await (await get("/_tideway/info")).json()).toMatchObject({
    name: "tideway",
    region: "us-east-1",
    accountId: "000000000000",
  });
  for (const path of [
    "/_tideway/images",
    "/_tideway/endpoints/x/logs",
    "/_tideway/nothing",
    "/",
    "/bucket",
    "/bucket/key",
    "/endpoints/x/invocations",
    "/?Action=GetCallerIdentity&Version=2011-06-15",
  ])
    expect([path, (await get(path)).status]).toEqual([path, 403]);
  expect((await get("/_tideway/info", { origin: "https://evil.example" })).status).toBe(403);
  await tideway.sagemaker.send(new ListEndpointsCommand({}));
});

test("objects may live on another S3: uploads go there, and models are loaded from there", async () => {
  await using remote = await TidewayServer.start();
  const { url, accessKeyId, secretAccessKey } = remote.server;
  const env = {
    PATH: process.env["PATH"],
    TIDEWAY_S3_ENDPOINT: url,
    TIDEWAY_S3_ACCESS_KEY_ID: accessKeyId,
    TIDEWAY_S3_SECRET_ACCESS_KEY: secretAccessKey,
  };
  await using tideway = await TidewayServer.start({ env });
  const onnx = readFileSync(join(EXAMPLES, "breast-cancer/model.onnx"));
  const ModelDataUrl = await tideway.upload("far/model.tar.gz", await modelArchive({ "model.onnx": onnx }));
  const there = await remote.s3.send(new ListObjectsV2Command({ Bucket: "models" }));
  expect(there.Contents?.map(({ Key }) => Key)).toEqual(["far/model.tar.gz"]);
  expect(await tideway.deploy("far", { Image: "tideway/auto", ModelDataUrl })).toMatchObject({
    EndpointStatus: "InService",
  });
  const row = readFileSync(join(EXAMPLES, "breast-cancer/rows.csv"), "utf8").split("\n")[0]!;
  expect((await tideway.invoke("far", row)).text).toMatch(/^[\d.e-]+,[\d.e-]+/);
});

test("a remote S3 that is half configured is refused by name", async () => {
  const start = (more: Record<string, string>) =>
    TidewayServer.start({ env: { PATH: process.env["PATH"], ...more } });
  await expect(start({ TIDEWAY_S3_ENDPOINT: "nowhere" })).rejects.toThrow(
    "TIDEWAY_S3_ENDPOINT must be an address",
  );
  await expect(
    start({ TIDEWAY_S3_ENDPOINT: "http://127.0.0.1:1", TIDEWAY_S3_ACCESS_KEY_ID: "a" }),
  ).rejects.toThrow("must be set together");
});
