/** Every way of not being authenticated, against every family of routes of a whole server: nothing is let in, nothing changes. */
import * as s3 from "@aws-sdk/client-s3";
import * as sagemaker from "@aws-sdk/client-sagemaker";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { TidewayApi } from "../../src/cli/tideway-api.ts";
import { ODD_MODEL, TidewayServer } from "../support/tideway-server.ts";
import { type Answer, call } from "../wire/call.ts";
import { presign, sign, type Signed, type Signer, type Unsigned } from "../wire/sign.ts";

let tideway: TidewayServer;
let port = 0;
let uploadId = "";
let before: unknown;

beforeAll(async () => {
  tideway = await TidewayServer.start();
  port = Number(new URL(tideway.server.url).port);
  await tideway.image("odd", ODD_MODEL);
  await tideway.deploy("served", { Image: "odd" });
  await tideway.s3.send(new s3.CreateBucketCommand({ Bucket: "vault" }));
  await tideway.s3.send(new s3.PutObjectCommand({ Bucket: "vault", Key: "secret", Body: SECRET }));
  const upload = { Bucket: "vault", Key: "in parts" };
  uploadId = (await tideway.s3.send(new s3.CreateMultipartUploadCommand(upload))).UploadId!;
  before = await everything();
});
afterAll(() => tideway[Symbol.asyncDispose]());

const SECRET = "what nobody else may read";

/** All that a stranger might have read, made, changed or deleted; the process of the instance tells whether it was asked. */
async function everything(): Promise<unknown> {
  const { s3: store, sagemaker: api, server } = tideway;
  const object = await store.send(new s3.GetObjectCommand({ Bucket: "vault", Key: "secret" }));
  return {
    buckets: (await store.send(new s3.ListBucketsCommand({}))).Buckets!.map(({ Name }) => Name),
    keys: (await store.send(new s3.ListObjectsV2Command({ Bucket: "vault" }))).Contents!.map(
      ({ Key }) => Key,
    ),
    secret: await object.Body!.transformToString(),
    uploads: (await store.send(new s3.ListMultipartUploadsCommand({ Bucket: "vault" }))).Uploads!.map(
      ({ UploadId }) => UploadId,
    ),
    models: (await api.send(new sagemaker.ListModelsCommand({}))).Models!.map(({ ModelName }) => ModelName),
    endpoints: (await api.send(new sagemaker.ListEndpointsCommand({}))).Endpoints!.map((one) => [
      one.EndpointName,
      one.EndpointStatus,
    ]),
    images: await new TidewayApi(server).images(),
    process: (await tideway.invoke("served", "who")).text,
  };
}

type Speech = "json" | "xml" | "nothing";
interface Route extends Unsigned {
  readonly service: string;
  readonly speech: Speech;
}
const json = (operation: string, input: object): Route => ({
  service: "sagemaker",
  speech: "json",
  method: "POST",
  headers: { "content-type": "application/x-amz-json-1.1", "x-amz-target": `SageMaker.${operation}` },
  body: JSON.stringify(input),
});
const form = (service: string, body: string): Route => ({
  service,
  speech: "xml",
  method: "POST",
  headers: { "content-type": "application/x-www-form-urlencoded" },
  body,
});
const bucket = (method: string, path: string, rest: Partial<Route> = {}): Route => ({
  service: "s3",
  speech: method === "HEAD" ? "nothing" : "xml",
  method,
  path: `/vault${path}`,
  ...rest,
});
const runtime = (path: string): Route => ({
  service: "sagemaker",
  speech: "json",
  method: "POST",
  path: `/endpoints/served/${path}`,
  headers: { "content-type": "text/csv" },
  body: "crash",
});
const platform = (method: string, path: string, body = ""): Route => ({
  service: "sagemaker",
  speech: "json",
  method,
  path: `/_tideway/${path}`,
  body,
});

const TRUST = JSON.stringify({
  Version: "2012-10-17",
  Statement: [
    { Effect: "Allow", Principal: { Service: "sagemaker.amazonaws.com" }, Action: "sts:AssumeRole" },
  ],
});

/** In an order in which all of them pass when they are signed rightly. */
const ROUTES: Readonly<Record<string, () => Route>> = {
  ListModels: () => json("ListModels", {}),
  CreateModel: () => json("CreateModel", { ModelName: "evil", PrimaryContainer: { Image: "odd" } }),
  DeleteModel: () => json("DeleteModel", { ModelName: "served" }),
  AssumeRole: () =>
    form(
      "sts",
      "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A000000000000%3Arole%2Fmine&RoleSessionName=evil",
    ),
  "GetCallerIdentity by GET": () => ({
    service: "sts",
    speech: "xml",
    method: "GET",
    query: "Action=GetCallerIdentity&Version=2011-06-15",
  }),
  CreateRole: () =>
    form(
      "iam",
      `Action=CreateRole&Version=2010-05-08&RoleName=evil&AssumeRolePolicyDocument=${encodeURIComponent(TRUST)}`,
    ),
  ListBuckets: () => ({ service: "s3", speech: "xml", method: "GET", path: "/" }),
  CreateBucket: () => ({ service: "s3", speech: "xml", method: "PUT", path: "/evil-bucket" }),
  ListObjectsV2: () => bucket("GET", "", { query: "list-type=2" }),
  GetObject: () => bucket("GET", "/secret"),
  HeadObject: () => bucket("HEAD", "/secret"),
  PutObject: () => bucket("PUT", "/evil", { body: "evil" }),
  CopyObject: () => bucket("PUT", "/copy", { headers: { "x-amz-copy-source": "/vault/secret" } }),
  CreateMultipartUpload: () => bucket("POST", "/more%20parts", { query: "uploads=" }),
  UploadPart: () =>
    bucket("PUT", "/in%20parts", { query: `partNumber=1&uploadId=${uploadId}`, body: "part" }),
  ListParts: () => bucket("GET", "/in%20parts", { query: `uploadId=${uploadId}` }),
  AbortMultipartUpload: () => bucket("DELETE", "/in%20parts", { query: `uploadId=${uploadId}` }),
  DeleteObject: () => bucket("DELETE", "/secret"),
  DeleteObjects: () =>
    bucket("POST", "", {
      query: "delete=",
      headers: { "content-md5": "RJX0cX/h65cUga2kpwL0Vw==" },
      body: "<Delete><Object><Key>secret</Key></Object></Delete>",
    }),
  "PUT an image": () => platform("PUT", "images/evil", '{"command":["/bin/true"]}'),
  "DELETE an image": () => platform("DELETE", "images/odd"),
  "GET the images": () => platform("GET", "images"),
  "GET an endpoint's logs": () => platform("GET", "endpoints/served/logs"),
  "GET an endpoint's events": () => platform("GET", "endpoints/served/events"),
  InvokeEndpoint: () => runtime("invocations"),
  InvokeEndpointWithResponseStream: () => runtime("invocations-response-stream"),
  "OpenAI's path": () => runtime("openai/v1/chat/completions"),
};

const signer = ({ service }: Route): Signer => {
  const { accessKeyId, secretAccessKey } = tideway.server;
  return { accessKeyId, secretAccessKey, service };
};
const bare = ({ method = "POST", path = "/", query = "", headers = {}, body = "" }: Unsigned): Signed => ({
  method,
  path,
  query,
  headers: { host: "127.0.0.1", ...headers },
  body,
});
const add = (request: Route, headers: Record<string, string>): Route => ({
  ...request,
  headers: { ...request.headers, ...headers },
});
const wrong = (request: Route): Signer => ({ ...signer(request), secretAccessKey: "guessed" });
const HOURS = 3_600_000;
const NEIGHBOUR: Readonly<Record<string, string>> = {
  sagemaker: "s3",
  s3: "sagemaker",
  sts: "iam",
  iam: "sts",
};

const ANOTHER_SCOPE = "the scope of another service here";
const MODES: Readonly<Record<string, (request: Route) => Signed>> = {
  "no credential": bare,
  "an empty header": (request) => bare(add(request, { authorization: "" })),
  Basic: (request) => bare(add(request, { authorization: "Basic cm9vdDpyb290" })),
  "a bearer token": (request) => bare(add(request, { authorization: "Bearer abc" })),
  "a scheme that is none": (request) => bare(add(request, { authorization: "AWS4-HMAC-SHA512 x" })),
  "a version 2 header": (request) =>
    bare(add(request, { authorization: `AWS ${tideway.server.accessKeyId}:c2lnbmF0dXJl` })),
  "a version 2 URL": (request) => {
    const credential = `AWSAccessKeyId=${tideway.server.accessKeyId}&Expires=99999999999&Signature=c2ln`;
    return bare({ ...request, query: [request.query, credential].filter(Boolean).join("&") });
  },
  "a wrong secret": (request) => sign(request, wrong(request)),
  "a wrong secret, the body's hash kept back": (request) => sign(request, { ...wrong(request), payload: "" }),
  "an unknown key": (request) => sign(request, { ...signer(request), accessKeyId: "AKIANOBODY" }),
  "an old date": (request) => sign(request, { ...signer(request), now: Date.now() - 2 * HOURS }),
  "a date to come": (request) => sign(request, { ...signer(request), now: Date.now() + 2 * HOURS }),
  [ANOTHER_SCOPE]: (request) => sign(request, { ...signer(request), service: NEIGHBOUR[request.service]! }),
  "the scope of a service elsewhere": (request) => sign(request, { ...signer(request), service: "glue" }),
  "a token that is not the key's": (request) => sign(request, { ...signer(request), sessionToken: "mine" }),
  "a header and a URL": (request) => ({
    ...presign(request, signer(request)),
    headers: sign(request, signer(request)).headers,
  }),
  "an expired URL": (request) => presign(request, { ...signer(request), now: Date.now() - 2 * HOURS }),
  "a URL for longer than a week": (request) => presign(request, { ...signer(request), expires: 604_801 }),
  "a URL of a wrong secret": (request) => presign(request, wrong(request)),
  "a URL for another path": (request) => {
    const signed = presign({ ...request, path: `${request.path ?? "/"}x` }, signer(request));
    return { ...signed, path: request.path ?? "/" };
  },
  "a URL for another method": (request) => ({
    ...presign({ ...request, method: "OPTIONS" }, signer(request)),
    method: request.method ?? "POST",
  }),
  "a URL with another parameter": (request) => {
    const signed = presign(request, signer(request));
    return { ...signed, query: `${signed.query}&versionId=1` };
  },
  "a body changed after it was signed": (request) => ({
    ...sign({ ...request, body: `${String(request.body ?? "")} ` }, signer(request)),
    body: request.body ?? "",
  }),
  "an unknown way of hashing the body": (request) =>
    sign(request, { ...signer(request), payload: "STREAMING-SOMETHING" }),
  ...Object.fromEntries(
    [
      "UNSIGNED-PAYLOAD",
      "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
      "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
      "STREAMING-AWS4-HMAC-SHA256-EVENTS",
    ].flatMap((payload): [string, (request: Route) => Signed][] => [
      [
        `${payload}, its signature made up`,
        (request) =>
          sign(add(request, { "x-amz-decoded-content-length": "4" }), { ...wrong(request), payload }),
      ],
      [
        `a URL with ${payload}, its signature made up`,
        (request) =>
          presign(add(request, { "x-amz-content-sha256": payload }), { ...wrong(request), payload }),
      ],
    ]),
  ),
};

const UNIMAGINABLE = /what nobody else may read|AccessKeyId>A|InternalFailure|InternalError/;

/** Refused, in a form that the caller's own client understands. */
function expectRefusal({ status, headers, body }: Answer, speech: Speech, what: string): void {
  expect([what, status]).toEqual([what, expect.toSatisfy((code: number) => code >= 400 && code < 500)]);
  expect([what, body]).not.toEqual([what, expect.stringMatching(UNIMAGINABLE)]);
  if (speech === "json") {
    const said = JSON.parse(body) as Record<string, string>;
    const type = said["__type"] ?? headers["x-amzn-errortype"];
    expect([what, type, said["message"] ?? said["Message"]]).toEqual([
      what,
      expect.stringMatching(/^\w+/),
      expect.stringMatching(/\w+/),
    ]);
  } else if (speech === "xml")
    expect([what, body]).toEqual([
      what,
      expect.stringMatching(/<Error>.*<Code>\w+<\/Code>.*<Message>[^<]+<\/Message>.*<\/Error>/s),
    ]);
}

describe("refused by every route, and nothing changes", () => {
  test.each(Object.entries(MODES))("%s", async (mode, signed) => {
    for (const [name, route] of Object.entries(ROUTES)) {
      const request = route();
      // a body that is not there can not be another one
      if (mode === "a body changed after it was signed" && !request.body) continue;
      // who names another service is told in the words of that one
      const speech = mode === ANOTHER_SCOPE ? "nothing" : request.speech;
      expectRefusal(await call(port, signed(request)), speech, `${name}, ${mode}`);
    }
    expect(await everything()).toEqual(before);
  });

  test.each([
    ["another host's name", { host: "evil.example" }],
    ["a name that ends as ours", { host: "evil.example.127.0.0.1" }],
    ["a web page's origin", { origin: "https://evil.example" }],
    ["no page's origin", { origin: "null" }],
  ])("%s, rightly signed", async (_, headers) => {
    for (const [name, route] of Object.entries(ROUTES)) {
      const request = add(route(), headers);
      const answer = await call(port, sign(request, signer(request)));
      expect([name, answer.status]).toEqual([name, 403]);
    }
    expect(await everything()).toEqual(before);
  });
});

test("the same requests, rightly signed, are let in", async () => {
  for (const [name, route] of Object.entries(ROUTES)) {
    const request = route();
    const { status, body } = await call(port, sign(request, signer(request)));
    // the body of the invocations ends their instance
    const expected = request.body === "crash" ? /424|429|503/ : /^2/;
    expect([name, String(status), body]).toEqual([name, expect.stringMatching(expected), body]);
  }
  expect(await everything().catch((error: Error) => error.name)).toBe("NoSuchKey");
});
