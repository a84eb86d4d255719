import { Agent, request as httpRequest, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import { connect } from "node:net";
import {
  InvokeEndpointAsyncCommand,
  InvokeEndpointCommand,
  type InvokeEndpointCommandInput,
  InvokeEndpointWithResponseStreamCommand,
  ModelError,
  ModelStreamError,
  SageMakerRuntimeClient,
  ServiceUnavailable,
  ValidationError,
} from "@aws-sdk/client-sagemaker-runtime";
import { describe, expect, test } from "vitest";
import { type Clock, systemClock } from "../../src/base/clock.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { endpoint, table, variant } from "../dataplane/routing.ts";
import { echo, flood, httpInstance, type TestInstance } from "../dataplane/test-instance.ts";
import { exchange, head, signed } from "./raw-request.ts";
import { ACCOUNT, KEYS, startTestGateway, type TestGateway } from "./test-gateway.ts";
import { keeper } from "../support/keep.ts";

const keep = keeper();

/** Lingers hardly at all with clients that are refused while they send. */
const impatient: Clock = {
  ...systemClock,
  after: (ms, callback) => systemClock.after(Math.min(ms, 20), callback),
};

type Handler = Parameters<typeof httpInstance>[0];

/** A gateway with the endpoint Iris on one instance. */
async function serving(
  handler: Handler,
  options: Parameters<typeof startTestGateway>[0] = {},
  rest: Parameters<typeof endpoint>[1] = {},
): Promise<TestGateway & { readonly instance: TestInstance }> {
  const instance = keep(await httpInstance(handler));
  const gateway = keep(await startTestGateway(options));
  gateway.dataPlane.route(table(1, endpoint([variant([instance.route])], rest)));
  return Object.assign(gateway, { instance });
}

const invoke = (gateway: TestGateway, input: Partial<InvokeEndpointCommandInput> = {}) =>
  gateway.client.send(new InvokeEndpointCommand({ EndpointName: "Iris", Body: "1,2,3", ...input }));

const stream = (gateway: TestGateway, rest = {}) =>
  gateway.client.send(
    new InvokeEndpointWithResponseStreamCommand({ EndpointName: "Iris", Body: "1,2,3", ...rest }),
  );

async function call(gateway: TestGateway, path: string, method = "POST", body = "") {
  const url = new URL(gateway.url + path);
  const { host: _, ...headers } = signed(url, {
    method,
    body,
    headers: { "content-type": "application/json" },
  });
  return fetch(url, { method, headers, ...(method === "POST" ? { body } : {}) });
}

async function collect(gateway: TestGateway, rest = {}): Promise<{ text: string; error?: unknown }> {
  const { Body } = await stream(gateway, rest);
  let text = "";
  try {
    for await (const event of Body!) text += Buffer.from(event.PayloadPart?.Bytes ?? []).toString();
  } catch (error) {
    return { text, error };
  }
  return { text };
}

/** What a promise rejects with. */
const failure = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    (value) => expect.fail(`answered ${JSON.stringify(value)}`),
    (error: unknown) => error,
  );

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

const heard: IncomingHttpHeaders[] = [];
const hear: Handler = (request, body, reply) => {
  heard.push(request.headers);
  echo(request, body, reply);
};
const lastHeard = () => heard.splice(0).at(-1)!;

describe("InvokeEndpoint through the SDK", () => {
  test("the answer with all that the SDK reads from it", async () => {
    const gateway = await serving((_request, body, reply) => {
      reply.writeHead(200, { "content-type": "text/plain", "x-amzn-sagemaker-custom-attributes": "trace=1" });
      reply.end(`got ${body.toString()}`);
    });
    const output = await invoke(gateway, { EndpointName: "iris", ContentType: "text/csv" });
    expect(output.Body.transformToString()).toBe("got 1,2,3");
    expect(output).toMatchObject({
      ContentType: "text/plain",
      InvokedProductionVariant: "primary",
      CustomAttributes: "trace=1",
    });
    expect(output.$metadata.httpStatusCode).toBe(200);
    expect(output.$metadata.requestId).toMatch(/^[0-9a-f-]{36}$/);
    expect(gateway.errors).toEqual([]);
  });

  test("the container hears the contract's headers, and no others", async () => {
    const gateway = await serving(hear);
    await invoke(gateway, {
      ContentType: "text/csv",
      Accept: "application/json",
      CustomAttributes: "a=1, b=2",
      InferenceId: "event 1",
      TargetVariant: "primary",
    });
    expect(lastHeard()).toEqual({
      host: "localhost",
      connection: "keep-alive",
      "content-length": "5",
      "content-type": "text/csv",
      accept: "application/json",
      "x-amzn-sagemaker-custom-attributes": "a=1, b=2",
      "x-amzn-sagemaker-inference-id": "event 1",
      "x-amzn-sagemaker-target-variant": "primary",
    });
  });

  test("F111: no body and no content type pass as they are", async () => {
    const gateway = await serving(hear);
    const url = new URL(`${gateway.url}/endpoints/Iris/invocations`);
    const headers = signed(url);
    const answer = await exchange(
      gateway.port,
      head("POST", url.pathname, { ...headers, "content-length": "0", connection: "close" }),
    );
    expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(lastHeard()).toEqual({ host: "localhost", connection: "keep-alive", "content-length": "0" });
  });

  test("F108: 6,291,456 bytes pass, one more is refused before it is read", async () => {
    const gateway = await serving(echo);
    const body = new Uint8Array(6_291_456).fill(7);
    const output = await invoke(gateway, { Body: body });
    expect(Buffer.from(output.Body).equals(body)).toBe(true);
    const error = await failure(invoke(gateway, { Body: new Uint8Array(6_291_457) }));
    expect(error).toMatchObject({
      message: "HTTP content length exceeded 6291456 bytes.",
      $metadata: { httpStatusCode: 413 },
    });
    expect(gateway.instance.seen).toHaveLength(1);
  });

  test("F109: a body in chunks is counted, and refused at the first byte too many", async () => {
    const gateway = await serving(echo, { gatewayClock: impatient });
    const url = new URL(`${gateway.url}/endpoints/Iris/invocations`);
    const chunk = Buffer.alloc(1 << 20, 1);
    const framed = Buffer.concat([Buffer.from("100000\r\n"), chunk, Buffer.from("\r\n")]);
    const headers = { ...signed(url), "transfer-encoding": "chunked" };
    const answer = await exchange(
      gateway.port,
      head("POST", url.pathname, headers),
      ...Array<Buffer>(7).fill(framed),
    );
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
    expect(answer).toContain("HTTP content length exceeded 6291456 bytes.");
    expect(gateway.instance.seen).toEqual([]);
  });

  test("F26: a body that stalls is a 408, and reaches no instance", async () => {
    const gateway = await serving(echo, { gatewayClock: impatient, bodyTimeoutMs: 50 });
    const url = new URL(`${gateway.url}/endpoints/Iris/invocations`);
    const headers = { ...signed(url, { body: "xx" }), "content-length": "2" };
    const answer = await exchange(gateway.port, head("POST", url.pathname, headers), "x");
    expect(answer).toMatch(/^HTTP\/1\.1 408 /);
    expect(answer).toContain("The body did not arrive in time.");
    expect(gateway.instance.seen).toEqual([]);
  });

  test("nothing is left that would keep a stopped process from ending", async () => {
    const clock = new FakeClock(Date.now());
    const gateway = await startTestGateway({ clock, gatewayClock: clock, plain: false });
    await expect(
      gateway.client.send(new InvokeEndpointCommand({ EndpointName: "None", Body: "1" })),
    ).rejects.toThrow();
    expect(clock.pending).toBe(2); // the body's deadline, and the look at the event loop
    await gateway[Symbol.asyncDispose]();
    expect(clock.pending).toBe(0);
  });

  test("a client that asks before it sends is told to go on, unless it will be refused", async () => {
    const gateway = await serving(echo, { gatewayClock: impatient });
    const url = new URL(`${gateway.url}/endpoints/Iris/invocations`);
    const good = {
      ...signed(url, { body: "x" }),
      expect: "100-continue",
      "content-length": "1",
      connection: "close",
    };
    expect(await exchange(gateway.port, head("POST", url.pathname, good), "x")).toMatch(
      /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK\r\n/,
    );
    const tooLong = {
      ...signed(url),
      expect: "100-continue",
      "content-length": "6291457",
      connection: "close",
    };
    expect(await exchange(gateway.port, head("POST", url.pathname, tooLong))).toMatch(/^HTTP\/1\.1 413 /);
  });

  test("everything else goes to the dispatcher", async () => {
    const gateway = await serving(echo);
    for (const [method, path] of [
      ["POST", "/"],
      ["GET", "/endpoints/Iris/invocations"],
      ["POST", "/endpoints/Iris/invocations/more"],
      ["POST", "/endpoints//invocations"],
      ["DELETE", "/endpoints/Iris/openai/v1/models"],
      ["GET", "/_tideway/health"],
    ] as const)
      expect((await fetch(gateway.url + path, { method })).status).toBe(418);
    await failure(
      gateway.client.send(
        new InvokeEndpointAsyncCommand({ EndpointName: "Iris", InputLocation: "s3://bucket/key" }),
      ),
    );
    expect(gateway.dispatched.at(-1)).toBe("POST /endpoints/Iris/async-invocations");
    expect(gateway.instance.seen).toEqual([]);
  });
});

describe("errors", () => {
  test.each([
    [400, "client"],
    [404, "client"],
    [500, "server"],
    [503, "server"],
  ])("F32: a container's %i is a ModelError with its words", async (status, side) => {
    const gateway = await serving((_request, _body, reply) => reply.writeHead(status).end('it "broke"'));
    const error = await failure(invoke(gateway));
    expect(error).toBeInstanceOf(ModelError);
    expect(error).toMatchObject({
      name: "ModelError",
      message: `Received ${side} error (${status}) from primary with message "it "broke"". See https://us-east-1.console.aws.amazon.com/cloudwatch/home?region=us-east-1#logEventViewer:group=/aws/sagemaker/Endpoints/Iris in account 123456789012 for more information.`,
      OriginalStatusCode: status,
      OriginalMessage: 'it "broke"',
      LogStreamArn: "arn:aws:logs:us-east-1:123456789012:log-group:/aws/sagemaker/Endpoints/Iris",
      $metadata: { httpStatusCode: 424 },
    });
    expect(gateway.errors).toEqual([]);
  });

  test("F19: a model that takes too long is a ModelError 0", async () => {
    const clock = new FakeClock();
    const gateway = await serving(() => {}, { clock });
    const waiting = failure(invoke(gateway));
    await until(() => gateway.instance.seen.length === 1);
    await clock.advance(60_001);
    expect(await waiting).toMatchObject({
      name: "ModelError",
      OriginalStatusCode: 0,
      message: expect.stringContaining(
        'Received server error (0) from primary with message "Your invocation timed out while waiting for a response from container primary. Review the latency metrics for each container in Amazon CloudWatch, resolve the issue, and try again.". See https://',
      ) as string,
    });
  });

  test("what is not there is a ValidationError", async () => {
    const gateway = await serving(echo);
    const error = await failure(invoke(gateway, { EndpointName: "Nowhere" }));
    expect(error).toBeInstanceOf(ValidationError);
    expect(error).toMatchObject({
      message: "Endpoint Nowhere of account 123456789012 not found.",
      $metadata: { httpStatusCode: 400 },
    });
    expect(await failure(invoke(gateway, { TargetVariant: "other" }))).toMatchObject({
      name: "ValidationError",
      message: "Variant other of endpoint Iris of account 123456789012 not found.",
    });
  });

  test("no capacity, and too much to do, are 503", async () => {
    const held: ServerResponse[] = [];
    const gateway = await serving((_request, _body, reply) => held.push(reply), {}, { maxOutstanding: 1 });
    const first = invoke(gateway);
    await until(() => held.length === 1);
    const error = await failure(invoke(gateway));
    expect(error).toBeInstanceOf(ServiceUnavailable);
    expect(error).toMatchObject({ $metadata: { httpStatusCode: 503 } });
    held[0]!.end();
    await first;
    gateway.dataPlane.route(table(2, endpoint([variant([])])));
    expect(await failure(invoke(gateway))).toMatchObject({ name: "ServiceUnavailable" });
  });

  test("headers that the service's model does not allow", async () => {
    const gateway = await serving(echo);
    expect(await failure(invoke(gateway, { EndpointName: "-bad-" }))).toMatchObject({
      name: "ValidationError",
      message:
        "1 validation error detected: Value '-bad-' at 'endpointName' failed to satisfy constraint: Member must satisfy regular expression pattern: ^[a-zA-Z0-9](-*[a-zA-Z0-9])*",
    });
    expect(await failure(invoke(gateway, { EndpointName: "a/b%" }))).toMatchObject({
      name: "ValidationError",
    });
    expect(
      await failure(invoke(gateway, { TargetVariant: "a_b", CustomAttributes: "x".repeat(1025) })),
    ).toMatchObject({ message: expect.stringMatching(/^2 validation errors detected: /) as string });
    expect(await failure(invoke(gateway, { InferenceId: "x".repeat(65) }))).toMatchObject({
      message: expect.stringContaining(
        "'inferenceId' failed to satisfy constraint: Member must have length less than or equal to 64",
      ) as string,
    });
    expect(gateway.instance.seen).toEqual([]);
  });

  test.each([
    [
      { TargetModel: "a.tar.gz" },
      "Endpoint Iris is not a multi-model endpoint and does not support target model header.",
    ],
    [
      { InferenceComponentName: "ic" },
      "Inference Components are not supported in this Endpoint. Please make sure this endpoint can deploy inference components.",
    ],
    [
      { TargetContainerHostname: "c" },
      "Endpoint Iris does not invoke containers directly and does not support target container hostname header.",
    ],
    [{ SessionId: "NEW_SESSION" }, "Endpoint Iris does not support stateful sessions."],
    [
      { EnableExplanations: "`true`" },
      "Endpoint Iris is not configured with an explainer and does not support enable explanations header.",
    ],
  ])("what endpoints here do not do is said: %j", async (input, message) => {
    const gateway = await serving(echo);
    expect(await failure(invoke(gateway, input))).toMatchObject({ name: "ValidationError", message });
    expect(gateway.instance.seen).toEqual([]);
  });
});

test("a process that can not keep up refuses invocations at once, not what control is asked, until it can", async () => {
  let lateness = 300;
  let passed = 0;
  // fires soon, and says that it was late
  const clock: Clock = {
    ...systemClock,
    monotonic: () => systemClock.monotonic() + passed,
    after: (ms, callback) =>
      systemClock.after(Math.min(ms, 1), () => {
        passed += ms + lateness;
        callback();
      }),
  };
  const gateway = await serving(echo, { gatewayClock: clock });
  const status = async () => (await call(gateway, "/endpoints/Iris/invocations", "POST", "x")).status;
  while ((await status()) === 200) continue;
  const seen = gateway.instance.seen.length;
  expect(await failure(invoke(gateway))).toMatchObject({
    name: "ServiceUnavailable",
    message: "The server is too busy to take this request. Try again later.",
    $metadata: { httpStatusCode: 503 },
  });
  expect((await call(gateway, "/", "POST", "")).status).toBe(418);
  expect(gateway.instance.seen).toHaveLength(seen);
  lateness = 0;
  while ((await status()) !== 200) continue;
  expect(gateway.errors).toEqual([]);
});

describe("signatures", () => {
  const path = "/endpoints/Iris/invocations";

  test.each<[string, number, (url: URL) => Record<string, string>]>([
    ["none", 403, (url) => ({ host: url.host })],
    ["a wrong secret", 403, (url) => signed(url, { body: "1,2", secretAccessKey: "wrong" })],
    ["another body", 403, (url) => signed(url, { body: "1,3" })],
    [
      "another body's hash, signed",
      403,
      (url) => signed(url, { body: "1,3", headers: { "x-amz-content-sha256": "a".repeat(64) } }),
    ],
    ["another path", 403, (url) => signed(new URL("/endpoints/Other/invocations", url), { body: "1,2" })],
    ["another method", 403, (url) => signed(url, { body: "1,2", method: "PUT" })],
    ["an hour ago", 403, (url) => signed(url, { body: "1,2", now: new Date(Date.now() - 3_600_000) })],
    [
      "an unknown key",
      403,
      (url) => {
        const headers = signed(url, { body: "1,2" });
        return {
          ...headers,
          authorization: headers["authorization"]!.replace(KEYS.accessKeyId, "AKIAOTHER"),
        };
      },
    ],
    [
      "another service",
      400,
      (url) => {
        const headers = signed(url, { body: "1,2" });
        return { ...headers, authorization: headers["authorization"]!.replace("/sagemaker/", "/s3/") };
      },
    ],
    [
      "an open payload",
      400,
      (url) => signed(url, { body: "1,2", headers: { "x-amz-content-sha256": "UNSIGNED-PAYLOAD" } }),
    ],
    [
      "a streaming payload",
      403,
      (url) => signed(url, { headers: { "x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-EVENTS" } }),
    ],
    ["a header added on the way", 403, (url) => ({ ...signed(url, { body: "1,2" }), "x-amz-added": "1" })],
    ["a bearer token", 400, (url) => ({ host: url.host, authorization: "Bearer sagemaker-api-key-abc" })],
    ["nonsense", 400, (url) => ({ host: url.host, authorization: "AWS4-HMAC-SHA256 nonsense" })],
    [
      "signed names of no header",
      403,
      (url) => {
        const headers = signed(url, { body: "1,2" });
        return {
          ...headers,
          authorization: headers["authorization"]!.replace(
            "SignedHeaders=",
            "SignedHeaders=constructor;__proto__;",
          ),
        };
      },
    ],
  ])("%s never reaches an instance", async (_what, status, headersOf) => {
    const gateway = await serving(echo);
    for (const target of [
      path,
      "/endpoints/Iris/invocations-response-stream",
      "/endpoints/Iris/openai/v1/chat/completions",
    ]) {
      const url = new URL(gateway.url + target);
      // signed for the first path only, so that the others are refused for that alone at the least
      const headers = headersOf(target === path ? url : new URL(url));
      const bytes = head("POST", target, { ...headers, "content-length": "3", connection: "close" });
      const answer = await exchange(gateway.port, bytes, "1,2");
      expect(Number(answer.split(" ")[1])).toBe(status);
      expect(answer.toLowerCase()).toContain("x-amzn-errortype: ");
    }
    expect(gateway.instance.seen).toEqual([]);
    expect(gateway.errors).toEqual([]);
  });

  test("what is signed right does reach it, hash sent or not", async () => {
    const gateway = await serving(echo);
    const url = new URL(gateway.url + path);
    const headers = signed(url, { body: "1,2" }); // as boto3 does
    const bytes = head("POST", path, { ...headers, "content-length": "3", connection: "close" });
    expect(await exchange(gateway.port, bytes, "1,2")).toMatch(/\r\n\r\n1,2$/);
    await invoke(gateway); // the SDK sends it
    expect(gateway.instance.seen).toHaveLength(2);
  });

  test("another host's name is refused before anything else", async () => {
    const gateway = await serving(echo);
    const bytes = head("POST", path, { host: "evil.example", "content-length": "0", connection: "close" });
    expect(await exchange(gateway.port, bytes)).toMatch(/^HTTP\/1\.1 403 /);
  });
});

describe("F116, F119: hostile framing", () => {
  test.each<[string, (good: Record<string, string>) => string]>([
    [
      "a length and chunks",
      (good) =>
        head("POST", "/endpoints/Iris/invocations", {
          ...good,
          "content-length": "3",
          "transfer-encoding": "chunked",
        }),
    ],
    [
      "two lengths",
      (good) =>
        head("POST", "/endpoints/Iris/invocations", {
          ...good,
          "content-length": "3",
          "Content-Length": "3",
        }),
    ],
    [
      "two hosts",
      (good) =>
        head("POST", "/endpoints/Iris/invocations", { ...good, Host: "127.0.0.1", "content-length": "3" }),
    ],
    [
      "an absolute target",
      (good) =>
        head("POST", "http://127.0.0.1/endpoints/Iris/invocations", { ...good, "content-length": "3" }),
    ],
    [
      "a folded line",
      (good) => head("POST", "/endpoints/Iris/invocations", { ...good, "content-length": "3", x: "a\r\n b" }),
    ],
    [
      "a NUL",
      (good) => head("POST", "/endpoints/Iris/invocations", { ...good, "content-length": "3", x: "a\0b" }),
    ],
    [
      "a bare CR",
      (good) => head("POST", "/endpoints/Iris/invocations", { ...good, "content-length": "3", x: "a\rb" }),
    ],
    [
      "a negative length",
      (good) => head("POST", "/endpoints/Iris/invocations", { ...good, "content-length": "-3" }),
    ],
  ])("%s is refused, and what follows it is not heard", async (_what, bytesOf) => {
    const gateway = await serving(echo);
    const url = new URL(`${gateway.url}/endpoints/Iris/invocations`);
    const good = signed(url, { body: "1,2" });
    const next = head("POST", url.pathname, { ...good, "content-length": "3" });
    const answer = await exchange(gateway.port, `${bytesOf(good)}1,2${next}1,2`);
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer.match(/HTTP\/1\.1 /g)).toHaveLength(1);
    expect(gateway.instance.seen).toEqual([]);
  });

  test("pipelined requests are answered in order, a failed one among them", async () => {
    let count = 0;
    const gateway = await serving((_request, body, reply) => {
      const status = ++count === 1 ? 500 : 200;
      // the later ones are ready first
      setTimeout(() => reply.writeHead(status).end(`answer to ${body.toString()}`), status === 500 ? 30 : 0);
    });
    const url = new URL(`${gateway.url}/endpoints/Iris/invocations`);
    const one = (body: string, rest = {}) =>
      `${head("POST", url.pathname, { ...signed(url, { body }), "content-length": String(body.length), ...rest })}${body}`;
    const answer = await exchange(gateway.port, one("a") + one("b") + one("c", { connection: "close" }));
    expect(answer.match(/HTTP\/1\.1 \d+/g)).toEqual(["HTTP/1.1 424", "HTTP/1.1 200", "HTTP/1.1 200"]);
    const bodies = ["a", "b", "c"].map((name) => answer.indexOf(`answer to ${name}`));
    expect(bodies).toEqual([...bodies].sort((a, b) => a - b));
    expect(bodies[0]).toBeGreaterThan(0);
  });
});

describe("InvokeEndpointWithResponseStream through the SDK", () => {
  test("chunks arrive as events while the model goes on", async () => {
    const held: ServerResponse[] = [];
    const gateway = await serving((request, _body, reply) => {
      heard.push(request.headers);
      held.push(
        reply.writeHead(200, { "content-type": "text/plain", "x-amzn-sagemaker-custom-attributes": "c" }),
      );
      reply.write("one");
    });
    const output = await stream(gateway, { ContentType: "text/csv", Accept: "text/plain" });
    expect(output).toMatchObject({
      ContentType: "text/plain",
      InvokedProductionVariant: "primary",
      CustomAttributes: "c",
    });
    expect(lastHeard()).toMatchObject({ accept: "text/plain", "content-type": "text/csv" });
    const events = output.Body![Symbol.asyncIterator]();
    const text = async () => Buffer.from((await events.next()).value?.PayloadPart?.Bytes ?? []).toString();
    expect(await text()).toBe("one");
    held[0]!.write("two");
    expect(await text()).toBe("two");
    held[0]!.end();
    expect((await events.next()).done).toBe(true);
  });

  test("F22: a stream that breaks off is a ModelStreamError, never a clean end", async () => {
    const gateway = await serving((_request, _body, reply) =>
      reply.write("part", () => reply.socket!.destroy()),
    );
    const { text, error } = await collect(gateway);
    expect(text).toBe("part");
    expect(error).toBeInstanceOf(ModelStreamError);
    expect(error).toMatchObject({ ErrorCode: "StreamBroken" });
    expect(gateway.errors).toEqual([]);
  });

  test("F21: a stream that stalls is a ModelStreamError", async () => {
    const clock = new FakeClock();
    const gateway = await serving((_request, _body, reply) => void reply.write("part"), { clock });
    const output = await stream(gateway);
    const events = output.Body![Symbol.asyncIterator]();
    await events.next();
    const stalled = failure(Promise.resolve(events.next()));
    await clock.advance(60_001);
    expect(await stalled).toMatchObject({
      name: "ModelStreamError",
      ErrorCode: "ModelInvocationTimeExceeded",
    });
  });

  test("what goes wrong before the first byte is an error like InvokeEndpoint's", async () => {
    const gateway = await serving((_request, _body, reply) => reply.writeHead(500).end("boom"));
    expect(await failure(stream(gateway))).toMatchObject({ name: "ModelError", OriginalStatusCode: 500 });
    expect(await failure(stream(gateway, { EndpointName: "no" }))).toMatchObject({ name: "ValidationError" });
  });

  test("a client that leaves in the middle frees the instance", async () => {
    const gateway = await serving((_request, _body, reply) => void reply.write("x"));
    const client = new SageMakerRuntimeClient({
      region: ACCOUNT.region,
      endpoint: gateway.url,
      credentials: KEYS,
    });
    const output = await client.send(
      new InvokeEndpointWithResponseStreamCommand({ EndpointName: "Iris", Body: "" }),
    );
    for await (const _ of output.Body!) break;
    client.destroy();
    await until(() => gateway.dataPlane.inFlight("fleet-1") === 0);
    await until(() => gateway.instance.sockets.size === 0);
    expect(gateway.errors).toEqual([]);
    expect(gateway.failures).toEqual([]);
  });
});

describe("OpenAI's paths", () => {
  test("pass to the container's /v1, answers as they come", async () => {
    const gateway = await serving((request, body, reply) => {
      reply.writeHead(200, { "content-type": "text/event-stream" });
      reply.write(`data: ${request.method} ${request.url} ${body.toString()}\n\n`);
      reply.end("data: [DONE]\n\n");
    });
    const answer = await call(
      gateway,
      "/endpoints/Iris/openai/v1/chat/completions",
      "POST",
      '{"stream":true}',
    );
    expect(answer.headers.get("content-type")).toBe("text/event-stream");
    expect(answer.headers.get("x-amzn-invoked-production-variant")).toBe("primary");
    expect(await answer.text()).toBe('data: POST /v1/chat/completions {"stream":true}\n\ndata: [DONE]\n\n');
    expect(await (await call(gateway, "/endpoints/Iris/openai/v1/models?limit=2", "GET")).text()).toContain(
      "GET /v1/models?limit=2 ",
    );
  });

  test("one that breaks off does not end well", async () => {
    const gateway = await serving((_request, _body, reply) =>
      reply.write("data: 1\n\n", () => reply.socket!.destroy()),
    );
    const answer = await call(gateway, "/endpoints/Iris/openai/v1/chat/completions");
    await expect(answer.text()).rejects.toThrow("terminated");
  });

  test.each([
    ["/endpoints/Iris/openai/v1/%2e%2e/invocations", 400],
    ["/endpoints/Iris/openai/v1/..%2finvocations", 400],
    ["/endpoints/Iris/openai/v1//invocations", 400],
    ["/endpoints/Iris/inference-components/ic/openai/v1/chat/completions", 400],
    ["/endpoints/Other/openai/v1/chat/completions", 400],
  ])("%s is refused", async (path, status) => {
    const gateway = await serving(echo);
    // a URL object would resolve the dots
    const headers = signed({ host: `127.0.0.1:${gateway.port}`, pathname: path, search: "" } as URL);
    const bytes = head("POST", path, { ...headers, "content-length": "0", connection: "close" });
    const answer = await exchange(gateway.port, bytes);
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(answer).toContain("ValidationError");
    expect(gateway.instance.seen).toEqual([]);
  });
});

describe("clients that go away, or stop reading", () => {
  test("F23: the instance hears of it and the slot is free; its neighbours' answers come", async () => {
    const held: ServerResponse[] = [];
    const gateway = await serving((_request, _body, reply) => held.push(reply));
    const neighbour = invoke(gateway);
    await until(() => held.length === 1);
    const leaver = new AbortController();
    const left = failure(
      gateway.client.send(new InvokeEndpointCommand({ EndpointName: "Iris", Body: "x" }), {
        abortSignal: leaver.signal,
      }),
    );
    await until(() => held.length === 2);
    leaver.abort();
    await left;
    await until(() => gateway.dataPlane.inFlight("fleet-1") === 1);
    await until(() => held[1]!.destroyed);
    held[0]!.end("fine");
    expect((await neighbour).Body.transformToString()).toBe("fine");
    expect(gateway.errors).toEqual([]);
    expect(gateway.failures).toEqual([]);
  });

  test("one that leaves in the middle of its body reaches no instance and is no error", async () => {
    const gateway = await serving(echo);
    const url = new URL(`${gateway.url}/endpoints/Iris/invocations`);
    const socket = connect(gateway.port, "127.0.0.1");
    socket.write(`${head("POST", url.pathname, { ...signed(url), "content-length": "100" })}half`);
    await until(() => socket.bytesWritten > 0 && !socket.connecting);
    await new Promise((resolve) => setImmediate(resolve));
    socket.destroy();
    await invoke(gateway);
    expect(gateway.instance.seen).toHaveLength(1);
    expect(gateway.errors).toEqual([]);
  });

  test("F24: a client that does not read holds the model back, and costs little", async () => {
    let sent = 0;
    const gateway = await serving((_request, _body, reply) => flood(reply, 2000, () => void sent++));
    const url = new URL(`${gateway.url}/endpoints/Iris/invocations-response-stream`);
    const socket = connect(gateway.port, "127.0.0.1");
    socket.pause();
    socket.write(head("POST", url.pathname, { ...signed(url), "content-length": "0" }));
    await until(() => sent > 0);
    let settled = -1;
    for (let quiet = 0; quiet < 200; quiet++) {
      await new Promise((resolve) => setImmediate(resolve));
      if (sent !== settled) quiet = 0;
      settled = sent;
    }
    expect(settled).toBeLessThan(400); // 26 of 131 MB: mostly the kernel's buffers
    socket.destroy();
    await until(() => gateway.dataPlane.inFlight("fleet-1") === 0);
  });
});

test("fleets follow one another under keep-alive clients, and no request fails", async () => {
  const gateway = keep(await startTestGateway());
  const fleets: TestInstance[] = [];
  const swap = async (version: number) => {
    const instance = keep(await httpInstance(echo));
    fleets.push(instance);
    gateway.dataPlane.route(
      table(version, endpoint([variant([instance.route], { fleet: `fleet-${version}` })])),
    );
  };
  await swap(1);
  const agent = new Agent({ keepAlive: true, maxSockets: 8 });
  const url = new URL(`${gateway.url}/endpoints/Iris/invocations`);
  const headers = signed(url, { body: "1,2" });
  const once = () =>
    new Promise<number | string>((resolve) => {
      const request = httpRequest(url, { method: "POST", headers, agent }, (reply) => {
        reply.resume();
        reply.on("end", () => resolve(reply.statusCode!));
      });
      request.on("error", (error) => resolve(error.message));
      request.end("1,2");
    });
  const stopping = new AbortController();
  const stop = stopping.signal;
  const seen = new Map<number | string, number>();
  const clients = Array.from({ length: 8 }, async () => {
    while (!stop.aborted) {
      const result = await once();
      seen.set(result, (seen.get(result) ?? 0) + 1);
    }
  });
  for (let version = 2; version <= 51; version++) {
    await swap(version);
    await gateway.dataPlane.drained(`fleet-${version - 1}`);
    await fleets.shift()!.kill();
  }
  stopping.abort();
  await Promise.all(clients);
  agent.destroy();
  expect([...seen.keys()]).toEqual([200]);
  expect(seen.get(200)).toBeGreaterThan(50);
  expect(gateway.failures).toEqual([]);
}, 60_000);
