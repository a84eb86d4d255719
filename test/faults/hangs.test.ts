/** Models that hang, are stopped, or answer what no answer is: what their callers see, and that nobody else sees anything. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { modelArchive, ODD_MODEL, TidewayServer } from "../support/tideway-server.ts";
import { until } from "./killable-server.ts";

const vector = (name: string) =>
  readFileSync(fileURLToPath(new URL(`../model-server/vectors/${name}`, import.meta.url)));

let tideway: TidewayServer;
beforeAll(async () => {
  // as usual, a hanging model is given more than a minute
  const patience = { pingIntervalMs: 200, pingTimeoutMs: 1000, pingMisses: 3 };
  tideway = await TidewayServer.start({ patience });
  await tideway.image("odd", ODD_MODEL);
  await tideway.deploy("odd", { Image: "odd" });
});
afterAll(() => tideway[Symbol.asyncDispose]());

async function deployOnnx(name: string, file: string): Promise<void> {
  const ModelDataUrl = await tideway.upload(
    `${name}.tar.gz`,
    await modelArchive({ "model.onnx": vector(file) }),
  );
  expect(await tideway.deploy(name, { Image: "tideway/onnx", ModelDataUrl })).toMatchObject({
    EndpointStatus: "InService",
  });
}

const answers = (name: string, body: string) =>
  tideway.invoke(name, body).then(
    ({ text }) => text,
    () => undefined,
  );

test("a model that never ends is ended: its caller gets a ModelError, others are served, a new instance comes", async () => {
  await deployOnnx("endless", "loop.onnx");
  let over = false;
  const hanging = tideway
    .invoke("endless", "1")
    .catch((error: Error) => error)
    .finally(() => (over = true));
  let meanwhile = 0;
  await until(async () => {
    expect((await tideway.invoke("odd", "meanwhile")).text).toBe("meanwhile");
    meanwhile++;
    return over;
  });
  expect(await hanging).toMatchObject({
    name: "ModelError",
    OriginalStatusCode: 0,
    $metadata: { httpStatusCode: 424 },
    message: expect.stringContaining("could not get a response from the endless endpoint"),
  });
  expect(meanwhile).toBeGreaterThan(10);
  expect((await tideway.describe("endless")).EndpointStatus).toBe("InService");
  await until(
    async () => (await tideway.describe("endless")).ProductionVariants![0]!.CurrentInstanceCount === 1,
  );
});

test("an instance that somebody stopped is replaced", async () => {
  await tideway.deploy("stopped", { Image: "odd" });
  const pid = (await tideway.invoke("stopped", "who")).text;
  process.kill(Number(pid), "SIGSTOP");
  await expect(tideway.invoke("stopped", "hello")).rejects.toMatchObject({
    name: "ModelError",
    OriginalStatusCode: 0,
  });
  await until(async () => ![undefined, pid].includes(await answers("stopped", "who")));
});

test("NaN and the infinities are null in JSON, and words in CSV", async () => {
  await deployOnnx("log", "log.onnx");
  const { text } = await tideway.invoke("log", "-1\n0\n1", { Accept: "application/json" });
  expect(JSON.parse(text)).toEqual({ predictions: [[null], [null], [0]] });
  expect((await tideway.invoke("log", "-1\n0\n1", { Accept: "text/csv" })).text.trim()).toBe(
    "nan\n-inf\n0.0",
  );
});

describe("a container's answer", () => {
  const raw = (bytes: string) => `raw ${Buffer.from(bytes, "latin1").toString("base64")}`;
  const ok = (headers: string, body = "fine") =>
    `HTTP/1.1 200 OK\r\n${headers}content-length: ${body.length}\r\n\r\n${body}`;

  test.each([
    ["that is garbage", "\0\x01 this is no HTTP\r\n\r\n"],
    ["of another protocol", "SSH-2.0-OpenSSH_9.2\r\n"],
    ["with two lengths", "HTTP/1.1 200 OK\r\ncontent-length: 4\r\ncontent-length: 5\r\n\r\nfive!"],
    ["with a length that is none", "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n"],
    ["with endless headers", `HTTP/1.1 200 OK\r\n${`x: ${"y".repeat(1000)}\r\n`.repeat(200)}\r\n`],
    ["after a thousand interim ones", `${"HTTP/1.1 102 Processing\r\n\r\n".repeat(1000)}${ok("")}`],
  ])("%s is a ModelError without a status", async (_, bytes) => {
    await expect(tideway.invoke("odd", raw(bytes))).rejects.toMatchObject({
      name: "ModelError",
      OriginalStatusCode: 0,
      $metadata: { httpStatusCode: 424 },
    });
    await until(async () => (await answers("odd", "afterwards")) === "afterwards");
  });

  test("that breaks off is a ModelError, never a short answer", async () => {
    await expect(tideway.invoke("odd", "break")).rejects.toMatchObject({
      name: "ModelError",
      OriginalStatusCode: 0,
    });
    await until(async () => (await answers("odd", "afterwards")) === "afterwards");
  });

  test("that brings a second one with it gives that to nobody", async () => {
    const smuggled = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil";
    // what came first may count or not; what came behind it must never
    expect([undefined, "fine"]).toContain(await answers("odd", raw(ok("") + smuggled)));
    for (let index = 0; index < 20; index++)
      expect([undefined, `own ${index}`]).toContain(await answers("odd", `own ${index}`));
    await until(async () => (await answers("odd", "afterwards")) === "afterwards");
  });

  test.each([
    ["a control character", "a\x01b"],
    ["what is not ASCII", "caf\xe9"],
    ["an escape sequence of a terminal", "\x1b[31mred"],
    ["too much", "x".repeat(1025)],
  ])("with %s in its custom attributes arrives without them", async (_, value) => {
    const headers = `x-amzn-sagemaker-custom-attributes: ${value}\r\n`;
    const answer = await tideway
      .invoke("odd", raw(ok(headers)))
      .catch((error: Error & { OriginalStatusCode?: number }) => error);
    // a parser may refuse a control character before we see it
    if (answer instanceof Error) expect(answer).toMatchObject({ name: "ModelError", OriginalStatusCode: 0 });
    else expect([answer.text, answer.CustomAttributes]).toEqual(["fine", undefined]);
    await until(async () => (await answers("odd", "afterwards")) === "afterwards");
  });

  test("of 6,291,456 bytes arrives, one of a byte more is a ModelError", async () => {
    expect((await tideway.invoke("odd", "large 6291456")).Body).toHaveLength(6_291_456);
    await expect(tideway.invoke("odd", "large 6291457")).rejects.toMatchObject({
      name: "ModelError",
      $metadata: { httpStatusCode: 424 },
      message: expect.stringContaining("longer than 6291456 bytes"),
    });
    expect((await tideway.invoke("odd", "afterwards")).text).toBe("afterwards");
  });
});
