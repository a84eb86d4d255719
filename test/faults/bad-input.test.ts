/** What a caller may send that is no request, and what an archive may hold that is no model: each is refused with the rule. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { constants, createGzip } from "node:zlib";
import * as s3 from "@aws-sdk/client-s3";
import * as sagemaker from "@aws-sdk/client-sagemaker";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { END, tarEntry, tarGz } from "../objects/archive/tar-bytes.ts";
import { EXAMPLES, TidewayServer } from "../support/tideway-server.ts";
import { call } from "../wire/call.ts";
import { sign } from "../wire/sign.ts";

let tideway: TidewayServer;
beforeAll(async () => {
  tideway = await TidewayServer.start();
});
afterAll(() => tideway[Symbol.asyncDispose]());

/** Sends a body as it is to SageMaker's JSON API, signed. */
async function send(operation: string, body: string | Buffer, more: Record<string, string> = {}) {
  const { url, accessKeyId, secretAccessKey } = tideway.server;
  const headers = {
    "content-type": "application/x-amz-json-1.1",
    "x-amz-target": `SageMaker.${operation}`,
    ...more,
  };
  const signed = sign(
    { method: "POST", path: "/", headers, body },
    { accessKeyId, secretAccessKey, service: "sagemaker" },
  );
  const answer = await call(Number(new URL(url).port), signed);
  const said = JSON.parse(answer.body || "{}") as Record<string, string>;
  return { status: answer.status, type: said["__type"], message: said["message"] ?? "", said };
}

async function models(): Promise<string[]> {
  const { Models } = await tideway.sagemaker.send(new sagemaker.ListModelsCommand({ MaxResults: 100 }));
  return Models!.map(({ ModelName }) => ModelName!).sort();
}

const container = '"PrimaryContainer":{"Image":"tideway/auto"}';

describe("the control plane", () => {
  test.each<[string, string | Buffer, string, RegExp]>([
    [
      "deep nesting",
      `{"ModelName":"m","Tags":${"[".repeat(500_000)}`,
      "SerializationException",
      /deeper than 64/,
    ],
    [
      "deep nesting that is closed",
      `{"x":${"[".repeat(70)}${"]".repeat(70)}}`,
      "SerializationException",
      /deeper/,
    ],
    ["no JSON", '{"ModelName":', "SerializationException", /not valid JSON/],
    ["a list", "[]", "SerializationException", /must be a structure/],
    ["null", "null", "SerializationException", /structure/],
    ["a BOM", '\ufeff{"ModelName":"m"}', "SerializationException", /not valid JSON/],
    ["invalid UTF-8", Buffer.from('{"ModelName":"\xff\xfe"}', "latin1"), "SerializationException", /UTF-8/],
    ["half a character", String.raw`{"ModelName":"\ud800"}`, "SerializationException", /surrogate/],
    ["a number for a name", '{"ModelName":5}', "SerializationException", /NUMBER_VALUE .* String/],
    [
      "a text for a flag",
      '{"ModelName":"m","EnableNetworkIsolation":"yes"}',
      "SerializationException",
      /Boolean/,
    ],
    [
      "a text for a structure",
      '{"ModelName":"m","PrimaryContainer":"x"}',
      "SerializationException",
      /structure/,
    ],
    [
      "an object for a list",
      '{"ModelName":"m","Tags":{}}',
      "SerializationException",
      /'Tags' must be a list/,
    ],
    ["nothing that is required", "{}", "ValidationException", /null at 'modelName'/],
    ["an empty body", "", "ValidationException", /null at 'modelName'/],
  ])("%s", async (_, body, type, message) => {
    expect(await send("CreateModel", body)).toMatchObject({
      status: 400,
      type,
      message: expect.stringMatching(message),
    });
    expect(await models()).toEqual([]);
  });

  test("2 MiB", async () => {
    const body = `{"ModelName":"m",${container},"Tags":[{"Key":"k","Value":"${"v".repeat(2 << 20)}"}]}`;
    expect((await send("CreateModel", body)).status).toBe(413);
    expect(await models()).toEqual([]);
  });

  test("a number beyond all numbers is no count", async () => {
    for (const count of ["1e400", "-0.5", "1e308", "9007199254740993.5"]) {
      const variant = `{"VariantName":"a","ModelName":"m","InstanceType":"ml.m5.large","InitialInstanceCount":${count}}`;
      const body = `{"EndpointConfigName":"huge","ProductionVariants":[${variant}]}`;
      expect([count, (await send("CreateEndpointConfig", body)).status]).toEqual([count, 400]);
    }
  });

  test.each([
    ["64 characters", "a".repeat(64)],
    ["a hyphen first", "-a"],
    ["a hyphen last", "a-"],
    ["an encoded way up", "%2e%2e"],
    ["a way up", "../x"],
    ["an underscore", "a_b"],
    ["another alphabet", "módel"],
    ["a NUL", "a\0b"],
    ["a line break", "a\nb"],
    ["nothing", ""],
  ])("a name with %s is refused by every operation, with the rule", async (_, name) => {
    for (const [operation, input] of [
      ["CreateModel", { ModelName: name, PrimaryContainer: { Image: "tideway/auto" } }],
      ["DescribeModel", { ModelName: name }],
      ["CreateEndpoint", { EndpointName: name, EndpointConfigName: "none" }],
      ["DeleteEndpoint", { EndpointName: name }],
    ] as const)
      expect([operation, await send(operation, JSON.stringify(input))]).toMatchObject([
        operation,
        { status: 400, type: "ValidationException", message: expect.stringMatching(/[Nn]ame/) },
      ]);
    expect(await models()).toEqual([]);
    const path = `/endpoints/${encodeURIComponent(name)}/invocations`;
    const { url, accessKeyId, secretAccessKey } = tideway.server;
    const signed = sign({ path, body: "1" }, { accessKeyId, secretAccessKey, service: "sagemaker" });
    const { status } = await call(Number(new URL(url).port), signed);
    expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(500);
  });

  test("what is odd and allowed is kept as it was sent: 63 characters, a--b, a member twice, __proto__, unknown members", async () => {
    const long = "a".repeat(63);
    for (const name of [long, "a--b"])
      expect((await send("CreateModel", `{"ModelName":"${name}",${container}}`)).status).toBe(200);
    const twice = `{"ModelName":"first","ModelName":"twice","Unknown":{"a":[1]},"__proto__":{"ModelName":"polluted"},${container}}`;
    expect((await send("CreateModel", twice)).status).toBe(200);
    const environment = `{"Image":"tideway/auto","Environment":{"__proto__":"x","constructor":"y","A":"b"}}`;
    expect(
      (await send("CreateModel", `{"ModelName":"proto","PrimaryContainer":${environment}}`)).status,
    ).toBe(200);
    expect(await models()).toEqual(["a--b", long, "proto", "twice"].sort());
    const { said } = await send("DescribeModel", '{"ModelName":"proto"}');
    const { PrimaryContainer } = said as unknown as { PrimaryContainer: { Environment: object } };
    expect(Object.entries(PrimaryContainer.Environment)).toEqual(
      expect.arrayContaining([
        ["constructor", "y"],
        ["A", "b"],
      ]),
    );
    expect(({} as Record<string, unknown>)["A"] ?? ({} as Record<string, unknown>)["ModelName"]).toBe(
      undefined,
    );
    for (const name of await models()) await send("DeleteModel", JSON.stringify({ ModelName: name }));
  });

  test("tags give back every character that they were given", async () => {
    const value = "é 漢字 😀 <b>&amp;</b> \u202e '\"\\";
    const body = JSON.stringify({ ModelName: "tagged", PrimaryContainer: { Image: "x" } });
    const { said } = await send("CreateModel", body);
    const ResourceArn = said["ModelArn"];
    const tagged = await send("AddTags", JSON.stringify({ ResourceArn, Tags: [{ Key: "k", Value: value }] }));
    // AWS's pattern for tags has letters, digits, spaces and _.:/=+-@ only
    expect(tagged).toMatchObject({ status: 400, type: "ValidationException" });
    const allowed = "é 漢字 a_.:/=+-@";
    await send("AddTags", JSON.stringify({ ResourceArn, Tags: [{ Key: "k", Value: allowed }] }));
    const { said: listed } = await send("ListTags", JSON.stringify({ ResourceArn }));
    expect(listed).toMatchObject({ Tags: [{ Key: "k", Value: allowed }] });
    await send("DeleteModel", '{"ModelName":"tagged"}');
  });

  test.each([
    ["an operation that nobody knows", { "x-amz-target": "SageMaker.LaunchMissiles" }],
    ["an operation that is a property of all objects", { "x-amz-target": "SageMaker.constructor" }],
    ["an operation without a name", { "x-amz-target": "SageMaker." }],
    ["another service's target", { "x-amz-target": "DynamoDB_20120810.ListTables" }],
    ["another content type", { "content-type": "text/plain" }],
  ])("%s", async (_, headers) => {
    const { status, type, message } = await send("ListModels", "{}", headers);
    expect([400, 404]).toContain(status);
    expect(type).toBe("UnknownOperationException");
    expect(message).not.toBe("");
  });
});

test("an object with too much metadata, or too long a key, is refused and not there", async () => {
  await tideway.s3.send(new s3.CreateBucketCommand({ Bucket: "limits" }));
  const put = (Key: string, Metadata: Record<string, string> = {}) =>
    tideway.s3.send(new s3.PutObjectCommand({ Bucket: "limits", Key, Metadata, Body: "x" }));
  await expect(put("much", { a: "x".repeat(2048) })).rejects.toMatchObject({ name: "MetadataTooLarge" });
  await expect(put("k".repeat(1025))).rejects.toMatchObject({ name: "KeyTooLongError" });
  await put("just", { a: "x".repeat(2047) });
  await put("../../etc/passwd");
  const { Contents } = await tideway.s3.send(new s3.ListObjectsV2Command({ Bucket: "limits" }));
  expect(Contents!.map(({ Key }) => Key)).toEqual(["../../etc/passwd", "just"]);
});

describe("hostile archives", () => {
  const onnx = readFileSync(join(EXAMPLES, "breast-cancer/model.onnx"));
  const good = { name: "model.onnx", content: onnx };

  test.each<[string, () => Buffer | Promise<Buffer>, RegExp]>([
    [
      "a way up",
      () => tarGz(good, { name: "../escaped", content: "x" }),
      /"\.\.\/escaped" has "\.\." in its name/,
    ],
    [
      "a way up in the middle",
      () => tarGz(good, { name: "a/../../escaped", content: "x" }),
      /"a\/\.\.\/\.\.\/escaped" has "\.\." in its name/,
    ],
    [
      "an absolute name",
      () => tarGz(good, { name: join(tmpdir(), "tideway-escaped"), content: "x" }),
      /tideway-escaped" has an absolute name/,
    ],
    [
      "a symbolic link and a file behind it",
      () => tarGz(good, { name: "l", type: "2", linkname: tmpdir() }, { name: "l/escaped", content: "x" }),
      /"l" is a symbolic link; only regular files and folders are allowed/,
    ],
    [
      "a hard link",
      () => tarGz(good, { name: "l", type: "1", linkname: "/etc/passwd" }),
      /"l" is a hard link; only regular files/,
    ],
    [
      "a device",
      () => tarGz(good, { name: "null", type: "3" }),
      /"null" is a character device; only regular files/,
    ],
    ["a FIFO", () => tarGz(good, { name: "pipe", type: "6" }), /"pipe" is a FIFO; only regular files/],
    ["a file twice", () => tarGz(good, good), /"model\.onnx" is there twice/],
    [
      "two names for one file",
      () => tarGz(good, { name: "MODEL.onnx", content: "x" }),
      /"MODEL\.onnx" differs from "model\.onnx" in case or Unicode form only/,
    ],
    [
      "a NUL in a name",
      () => tarGz(good, { name: Buffer.from("good\0/../../escaped"), content: "x" }),
      /"good" has a NUL in its name/,
    ],
    ["a bomb", bomb, /unpacks to more than 1000 times its size, as only a decompression bomb does/],
    ["100,001 files", manyEntries, /has more than 100000 entries/],
  ])("%s ends in Failed with the rule, and leaves nothing", async (what, make, rule) => {
    const name = what.replaceAll(/[^a-zA-Z0-9]+/g, "-");
    const outside = listing(tmpdir());
    const cached = sizeOf(join(tideway.dataDir, "artifacts"));
    const ModelDataUrl = await tideway.upload(`${name}.tar.gz`, await make());
    expect(await tideway.deploy(name, { Image: "tideway/auto", ModelDataUrl })).toMatchObject({
      EndpointStatus: "Failed",
      FailureReason: expect.stringMatching(rule),
    });
    expect(sizeOf(join(tideway.dataDir, "artifacts"))).toEqual(cached);
    expect(listing(tmpdir())).toEqual(outside);
    const escaped = readdirSync(tideway.dataDir, { recursive: true }).filter((path) =>
      /escaped/.test(String(path)),
    );
    expect(escaped).toEqual([]);
  });
});

/** What others running beside these tests make is not ours to count. */
const listing = (folder: string) => readdirSync(folder).filter((name) => /escaped/.test(name));

/** Files and bytes below a folder. */
function sizeOf(folder: string): { files: number; bytes: number } {
  let [files, bytes] = [0, 0];
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    files += 1;
    bytes += statSync(join(entry.parentPath, entry.name)).size;
  }
  return { files, bytes };
}

/** 512 MB of zeros in less than a megabyte; gzip's own best is 1,029 to 1. */
async function bomb(): Promise<Buffer> {
  const size = 512 * 1024 ** 2;
  const zeros = Buffer.alloc(1024 ** 2);
  return compressed(function* () {
    yield tarEntry({ name: "model.onnx", size });
    for (let at = 0; at < size; at += zeros.length) yield zeros;
    yield END;
  });
}

async function manyEntries(): Promise<Buffer> {
  return compressed(function* () {
    for (let index = 0; index < 100_001; index++) yield tarEntry({ name: `f${index}` });
    yield END;
  });
}

async function compressed(source: () => Iterable<Buffer>): Promise<Buffer> {
  const parts: Buffer[] = [];
  const sink = new Writable({
    write(part: Buffer, _, done) {
      parts.push(part);
      done();
    },
  });
  await pipeline(source, createGzip({ level: constants.Z_BEST_COMPRESSION }), sink);
  return Buffer.concat(parts);
}
