import { request as httpRequest } from "node:http";
import { connect } from "node:net";
import * as sagemaker from "@aws-sdk/client-sagemaker";
import { CborCodec } from "@smithy/core/cbor";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Log } from "../../src/base/log.ts";
import { call } from "./call.ts";
import { presign, sign, type Signed, type Signer, type Unsigned } from "./sign.ts";
import { KEYS, startTestServer, type TestServer } from "./test-server.ts";

let server: TestServer;
const logged: string[] = [];
const log: Log = { info() {}, warn() {}, error: (message) => void logged.push(message) };
beforeAll(async () => {
  server = await startTestServer({ log, allowedHosts: ["tideway.example"] });
});
afterAll(() => server[Symbol.asyncDispose]());
beforeEach(() => {
  server.calls.length = 0;
  logged.length = 0;
});

const as = (service: string): Signer => ({ ...KEYS, service });
const json = (operation: string, body: string, version = "1.1"): Unsigned => ({
  headers: { "content-type": `application/x-amz-json-${version}`, "x-amz-target": `SageMaker.${operation}` },
  body,
});
const send = (signed: Signed) => call(server.port, signed);
const sendJson = (operation: string, body: string) => send(sign(json(operation, body), as("sagemaker")));
const FORM = { "content-type": "application/x-www-form-urlencoded" };

describe("every way of not being authenticated, against every route", () => {
  const ROUTES: Record<string, [string, Unsigned]> = {
    json: ["sagemaker", json("ListModels", "{}")],
    cbor: [
      "sagemaker",
      {
        path: "/service/SageMaker/operation/ListModels",
        headers: { "smithy-protocol": "rpc-v2-cbor", "content-type": "application/cbor" },
        body: Buffer.from([0xa0]),
      },
    ],
    invoke: [
      "sagemaker",
      { path: "/endpoints/echo/invocations", headers: { "content-type": "text/csv" }, body: "1,2" },
    ],
    stream: ["sagemaker", { path: "/endpoints/words/invocations-response-stream", body: "1,2" }],
    query: ["sts", { headers: FORM, body: "Action=GetCallerIdentity&Version=2011-06-15" }],
    "query by GET": ["sts", { method: "GET", query: "Action=GetCallerIdentity&Version=2011-06-15" }],
    "S3 list": ["s3", { method: "GET", path: "/" }],
    "S3 get": ["s3", { method: "GET", path: "/b/k" }],
    "S3 put": ["s3", { method: "PUT", path: "/b/k", body: "x" }],
  };
  const wrong = (signer: Signer): Signer => ({ ...signer, secretAccessKey: "guessed" });
  const bare = ({ method = "POST", path = "/", query = "", headers = {}, body = "" }: Unsigned): Signed => ({
    method,
    path,
    query,
    headers: { host: "127.0.0.1", ...headers },
    body,
  });
  const withHeaders = (request: Unsigned, headers: Record<string, string>): Unsigned => ({
    ...request,
    headers: { ...request.headers, ...headers },
  });
  const MODES: Record<string, (request: Unsigned, signer: Signer) => Signed> = {
    none: (request) => bare(request),
    "an empty header": (request) => bare(withHeaders(request, { authorization: "" })),
    "another scheme": (request) => bare(withHeaders(request, { authorization: "Basic dXNlcjpwYXNz" })),
    "version 2 header": (request) =>
      bare(withHeaders(request, { authorization: `AWS ${KEYS.accessKeyId}:c2ln` })),
    "version 2 URL": (request) =>
      bare({
        ...request,
        query: `${request.query ? `${request.query}&` : ""}AWSAccessKeyId=${KEYS.accessKeyId}&Expires=99999999999&Signature=c2ln`,
      }),
    "wrong header": (request, signer) => sign(request, wrong(signer)),
    "wrong header, hash kept back": (request, signer) => sign(request, { ...wrong(signer), payload: "" }),
    "unknown key": (request, signer) => sign(request, { ...signer, accessKeyId: "AKIANOBODY" }),
    "wrong URL": (request, signer) => presign(request, wrong(signer)),
    "wrong header with a right token": (request, signer) =>
      sign(request, { ...wrong(signer), sessionToken: "x" }),
    "right header, right URL": (request, signer) => ({
      ...presign(request, signer),
      headers: sign(request, signer).headers,
    }),
    "for another service": (request, signer) => sign(request, { ...signer, service: "glue" }),
    "another body": (request, signer) => ({
      ...sign({ ...request, body: `${String(request.body ?? "")} ` }, signer),
      body: request.body ?? "",
    }),
    ...Object.fromEntries(
      [
        "UNSIGNED-PAYLOAD",
        "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
        "STREAMING-AWS4-HMAC-SHA256-EVENTS",
        "STREAMING-NEW",
        "x",
      ].flatMap((payload) => [
        [
          `wrong header, ${payload}`,
          (request: Unsigned, signer: Signer) =>
            sign(withHeaders(request, { "x-amz-decoded-content-length": "1" }), {
              ...wrong(signer),
              payload,
            }),
        ],
        [
          `wrong URL, ${payload}`,
          (request: Unsigned, signer: Signer) =>
            presign(withHeaders(request, { "x-amz-content-sha256": payload }), { ...wrong(signer), payload }),
        ],
      ]),
    ),
  };
  const cases = Object.entries(ROUTES).flatMap(([name, [service, request]]) =>
    Object.keys(MODES).map((mode) => [mode, name, service, request] as const),
  );

  test.each(cases)("%s: %s", async (mode, _, service, request) => {
    const { status, body } = await send(MODES[mode]!(request, as(service)));
    expect([status, body]).toEqual([expect.toSatisfy((code: number) => code >= 400 && code < 500), body]);
    expect(server.calls).toEqual([]);
    expect(logged).toEqual([]);
  });

  test.each(Object.entries(ROUTES))("and rightly signed, %s is let in", async (_, [service, request]) => {
    await send(sign(request, as(service)));
    expect(server.calls).toHaveLength(1);
  });
});

describe("a denial in the caller's words", () => {
  const wrong = (service: string) => ({ ...as(service), secretAccessKey: "guessed" });
  test("JSON", async () => {
    const { status, body } = await send(sign(json("ListModels", "{}"), wrong("sagemaker")));
    expect([status, JSON.parse(body)]).toMatchObject([
      400,
      { __type: "InvalidSignatureException", message: expect.stringContaining("does not match") },
    ]);
    const unknown = await send(
      sign(json("ListModels", "{}"), { ...as("sagemaker"), accessKeyId: "AKIANOBODY" }),
    );
    expect(JSON.parse(unknown.body)).toMatchObject({
      __type: "UnrecognizedClientException",
      message: "The security token included in the request is invalid.",
    });
  });
  test("restJson1", async () => {
    const { status, headers, body } = await send(
      sign({ path: "/endpoints/echo/invocations", body: "1" }, wrong("sagemaker")),
    );
    expect([status, headers["x-amzn-errortype"], Object.keys(JSON.parse(body) as object)]).toEqual([
      403,
      "InvalidSignatureException",
      ["message"],
    ]);
  });
  test("query", async () => {
    const { status, headers, body } = await send(
      sign({ headers: FORM, body: "Action=GetCallerIdentity&Version=2011-06-15" }, wrong("sts")),
    );
    expect(status).toBe(403);
    expect(body).toContain("<Type>Sender</Type><Code>SignatureDoesNotMatch</Code>");
    expect(body).toContain(`<RequestId>${headers["x-amzn-requestid"]}</RequestId>`);
  });
  test("S3", async () => {
    const { status, headers, body } = await send(sign({ method: "GET", path: "/b/k" }, wrong("s3")));
    expect(status).toBe(403);
    expect(body).toMatch(
      /^<\?xml version="1.0" encoding="UTF-8"\?><Error><Code>SignatureDoesNotMatch<\/Code>/,
    );
    expect(body).toContain(`<RequestId>${headers["x-amz-request-id"]}</RequestId>`);
    expect(
      (await send({ method: "GET", path: "/b/k", query: "", headers: { host: "127.0.0.1" }, body: "" })).body,
    ).toContain("<Code>AccessDenied</Code>");
  });
});

describe("protocols without a client here", () => {
  test("json 1.0", async () => {
    const { status, headers, body } = await send(
      sign(json("ListModels", '{"MaxResults":5}', "1.0"), as("sagemaker")),
    );
    expect([status, headers["content-type"], JSON.parse(body)]).toEqual([
      200,
      "application/x-amz-json-1.0",
      { Models: [{ ModelName: "iris", ModelArn: "arn:iris", CreationTime: 1_700_000_000 }] },
    ]);
    expect(server.calls[0]?.input).toEqual({ MaxResults: 5 });
  });

  test("CBOR, both ways, and an error in it", async () => {
    const codec = new CborCodec();
    const encode = (schema: unknown, value: unknown) => {
      const serializer = codec.createSerializer();
      serializer.write(schema as never, value);
      return serializer.flush();
    };
    const headers = { "smithy-protocol": "rpc-v2-cbor", "content-type": "application/cbor" };
    const list = await send(
      sign(
        {
          path: "/service/SageMaker/operation/ListModels",
          headers,
          body: encode(sagemaker.ListModelsInput$, { MaxResults: 7 }),
        },
        as("sagemaker"),
      ),
    );
    expect([list.status, list.headers["smithy-protocol"]]).toEqual([200, "rpc-v2-cbor"]);
    expect(
      await codec.createDeserializer().read(sagemaker.ListModelsOutput$ as never, list.bytes),
    ).toMatchObject({ Models: [{ ModelName: "iris", CreationTime: new Date(1_700_000_000_000) }] });
    expect(server.calls[0]?.input).toEqual({ MaxResults: 7 });
    const gone = await send(
      sign(
        {
          path: "/service/SageMaker/operation/DescribeModel",
          headers,
          body: encode(sagemaker.DescribeModelInput$, { ModelName: "gone" }),
        },
        as("sagemaker"),
      ),
    );
    expect([gone.status, gone.bytes.toString("latin1")]).toEqual([
      400,
      expect.stringContaining("ResourceNotFound"),
    ]);
    const broken = await send(
      sign(
        {
          path: "/service/SageMaker/operation/ListModels",
          headers,
          body: Buffer.from([0xbf, 0xff, 0x00, 0x9b, 0xff]),
        },
        as("sagemaker"),
      ),
    );
    expect(broken.status).toBeLessThan(500);
  });
});

describe("operations that are not there", () => {
  test.each([
    [
      "known to AWS",
      json("CreateTrainingJob", "{}"),
      "sagemaker",
      400,
      "The requested operation is not supported by Tideway: CreateTrainingJob. See docs/operations.md.",
    ],
    ["unknown to AWS", json("MakeCoffee", "{}"), "sagemaker", 400, "UnknownOperationException"],
    [
      "another target",
      {
        headers: { "content-type": "application/x-amz-json-1.1", "x-amz-target": "Coffee.Make" },
        body: "{}",
      },
      "sagemaker",
      400,
      "UnknownOperationException",
    ],
    [
      "a path of the runtime",
      { path: "/endpoints/e/coffee", body: "" },
      "sagemaker",
      404,
      "Could not find operation",
    ],
    [
      "an action",
      { headers: FORM, body: "Action=MakeCoffee&Version=2011-06-15" },
      "sts",
      400,
      "<Code>InvalidAction</Code>",
    ],
    [
      "an action that AWS knows",
      { headers: FORM, body: "Action=GetSessionToken&Version=2011-06-15" },
      "sts",
      400,
      "<Code>UnknownOperationException</Code>",
    ],
    ["of S3", { method: "GET", path: "/b", query: "acl=" }, "s3", 501, "<Code>NotImplemented</Code>"],
  ] as [string, Unsigned, string, number, string][])("%s", async (_, request, service, status, text) => {
    const answer = await send(sign(request, as(service)));
    expect([answer.status, answer.body]).toEqual([status, expect.stringContaining(text)]);
  });
});

describe("hostile bodies", () => {
  test.each([
    ["deep", `{"ModelName":${"[".repeat(100_000)}`, "nested deeper than 64"],
    ["not JSON", '{"ModelName":', "not valid JSON"],
    ["a list", "[]", "must be a structure"],
    [
      "a list for a structure",
      '{"ModelName":"m","PrimaryContainer":[1]}',
      "'PrimaryContainer' must be a structure",
    ],
    ["a text", '"x"', "must be a structure"],
    ["a number for a name", '{"ModelName":5}', "NUMBER_VALUE"],
    ["half a surrogate", String.raw`{"ModelName":"\ud800"}`, "surrogate"],
    ["nothing required", "{}", "Value null at 'modelName'"],
  ])("%s", async (_, body, message) => {
    const answer = await sendJson("CreateModel", body);
    expect([answer.status, answer.body]).toEqual([400, expect.stringContaining(message)]);
    expect(server.calls).toEqual([]);
  });

  test("bytes that are no text", async () => {
    const body = Buffer.from('{"ModelName":"\xff"}', "latin1");
    const answer = await send(sign({ ...json("CreateModel", ""), body }, as("sagemaker")));
    expect([answer.status, answer.body]).toEqual([400, expect.stringContaining("not valid UTF-8")]);
  });

  test("members that the model does not have are left out, and __proto__ is only a name", async () => {
    const body =
      '{"ModelName":"m","Unknown":1,"__proto__":{"polluted":1},"PrimaryContainer":{"Environment":{"__proto__":"x","A":"b"}}}';
    expect((await sendJson("CreateModel", body)).status).toBe(200);
    const { input } = server.calls[0]!;
    expect(Object.keys(input)).toEqual(["ModelName", "PrimaryContainer"]);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
    expect(Object.getPrototypeOf(input)).toBe(Object.prototype);
  });

  test("one byte more than a mebibyte", async () => {
    const padded = (length: number) => `{"ModelName":"m"${" ".repeat(length - 17)}}`;
    expect((await sendJson("CreateModel", padded(1 << 20))).status).toBe(200);
    expect((await sendJson("CreateModel", padded((1 << 20) + 1))).status).toBe(413);
  });

  test("an invocation of 6,291,456 bytes, and of one more", async () => {
    const invoke = (length: number) =>
      send(sign({ path: "/endpoints/echo/invocations", body: Buffer.alloc(length) }, as("sagemaker")));
    expect((await invoke(6_291_456)).bytes.length).toBe(6_291_456);
    const refused = await invoke(6_291_457);
    expect([refused.status, refused.body]).toEqual([
      413,
      '{"message":"HTTP content length exceeded 6291456 bytes."}',
    ]);
  });

  test("an unannounced body is refused where it crosses the limit", async () => {
    const { headers } = sign({ path: "/endpoints/echo/invocations" }, { ...as("sagemaker"), payload: "" });
    const status = await new Promise<number>((resolve, reject) => {
      const sent = httpRequest(
        {
          port: server.port,
          host: "127.0.0.1",
          method: "POST",
          path: "/endpoints/echo/invocations",
          headers,
          agent: false,
        },
        (reply) => {
          reply.resume();
          resolve(reply.statusCode ?? 0);
        },
      );
      sent.on("error", reject);
      sent.write(Buffer.alloc(6_291_457)); // and never ended
    });
    expect(status).toBe(413);
    expect(server.calls).toEqual([]);
  });

  test.each(["A.1.B=x&A.1=y", `${"a.".repeat(100)}b=1`, "__proto__.x=1", "a.__proto__.x=1", "%=%"])(
    "the form %j",
    async (form) => {
      const answer = await send(
        sign({ headers: FORM, body: `Action=GetCallerIdentity&Version=2011-06-15&${form}` }, as("sts")),
      );
      expect(answer.status).toBeLessThan(500);
      expect(({} as Record<string, unknown>).x).toBeUndefined();
    },
  );
});

describe("hosts", () => {
  const get = (host: string, path = "/", headers = {}) =>
    send(sign({ method: "GET", path, headers: { ...headers, host } }, as("s3")));

  test.each([
    "127.0.0.1",
    "127.0.0.1:4580",
    "localhost:1",
    "[::1]:80",
    "tideway.example",
    "TIDEWAY.example:443",
  ])("%s is served", async (host) => {
    expect((await get(host)).status).toBe(200);
  });

  test.each([
    "evil.example",
    "127.0.0.1.evil.example",
    "eviltideway.example",
    "1.127.0.0.1",
    "[::2]",
    "127.0.0.2",
  ])("%s is not", async (host) => {
    expect((await get(host)).status).toBe(403);
    expect(server.calls).toEqual([]);
  });

  test("a bucket in the host's name is the path's first part, signed as sent", async () => {
    const put = sign(
      { method: "PUT", path: "/dir/k", headers: { host: "my.bucket.tideway.example" }, body: "x" },
      as("s3"),
    );
    expect((await send(put)).status).toBe(200);
    expect(server.calls[0]).toMatchObject({
      operation: "PutObject",
      input: { Bucket: "my.bucket", Key: "dir/k" },
    });
    expect((await get("b.localhost:99", "/gone")).body).toContain("NoSuchKey");
  });

  test("a web page elsewhere is refused, the server's own is not", async () => {
    expect((await get("127.0.0.1", "/", { origin: "https://evil.example" })).status).toBe(403);
    expect((await get("127.0.0.1", "/", { origin: "null" })).status).toBe(403);
    expect((await get("127.0.0.1:4580", "/", { origin: "http://127.0.0.1:4580" })).status).toBe(200);
  });
});

describe("answers", () => {
  test("a bug is InternalFailure, logged and not told", async () => {
    const { status, body } = await sendJson("DescribeModel", '{"ModelName":"bug"}');
    expect([status, JSON.parse(body)]).toEqual([
      500,
      { __type: "InternalFailure", message: "The request failed because of an unknown error." },
    ]);
    expect(logged).toHaveLength(1);
  });

  test("a full disk is told as one", async () => {
    const { status, body } = await sendJson("DescribeModel", '{"ModelName":"full"}');
    expect([status, JSON.parse(body)]).toEqual([
      503,
      { __type: "ServiceUnavailable", message: "The server's disk is full. Try again later." },
    ]);
  });

  test("a header that cannot be written does not end the server", async () => {
    expect(
      (await send(sign({ path: "/endpoints/crlf/invocations", body: "1" }, as("sagemaker")))).status,
    ).toBe(500);
    expect(
      (await send(sign({ path: "/endpoints/echo/invocations", body: "1" }, as("sagemaker")))).status,
    ).toBe(200);
  });

  test("temporary keys", async () => {
    const principal = {
      accessKeyId: "ASIA1",
      accountId: "000000000000",
      arn: "arn:aws:sts::000000000000:assumed-role/r/s",
      userId: "AROA:s",
    };
    server.credentials.set("ASIA1", {
      secretAccessKey: "s",
      sessionToken: "t",
      expiresAt: Date.now() + 60_000,
      principal,
    });
    const identity = (sessionToken: string) =>
      send(
        sign(
          { headers: FORM, body: "Action=GetCallerIdentity&Version=2011-06-15" },
          { service: "sts", accessKeyId: "ASIA1", secretAccessKey: "s", sessionToken },
        ),
      );
    expect((await identity("t")).body).toContain(principal.arn);
    expect((await identity("u")).body).toContain("<Code>InvalidClientTokenId</Code>");
  });

  test("a client that asks first is refused before it sends its body", async () => {
    const { headers } = sign(
      { method: "PUT", path: "/b/k" },
      { ...as("s3"), secretAccessKey: "guessed", payload: "UNSIGNED-PAYLOAD" },
    );
    const text = `PUT /b/k HTTP/1.1\r\n${Object.entries({
      ...headers,
      "content-length": "100",
      expect: "100-continue",
    })
      .map(([name, value]) => `${name}: ${value}\r\n`)
      .join("")}\r\n`;
    const first = await new Promise<string>((resolve, reject) => {
      const socket = connect(server.port, "127.0.0.1", () => socket.write(text)).on("error", reject);
      socket.once("data", (chunk) => {
        resolve(chunk.toString());
        socket.destroy();
      });
    });
    expect(first).toMatch(/^HTTP\/1\.1 403/);
  });

  test("a handler learns that its client is gone", async () => {
    const { headers } = sign({ path: "/endpoints/hangs/invocations", body: "1" }, as("sagemaker"));
    const sent = httpRequest({
      port: server.port,
      host: "127.0.0.1",
      method: "POST",
      path: "/endpoints/hangs/invocations",
      headers,
      agent: false,
    });
    sent.on("error", () => {});
    sent.end("1");
    const { signal } = await server.arrival();
    const aborted = new Promise((resolve) => signal.addEventListener("abort", resolve));
    sent.destroy();
    await aborted;
    expect(signal.aborted).toBe(true);
  });
});
