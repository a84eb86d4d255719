/** Asynchronous invocations that are handed over to control as frames: answered, and refused, as what is forwarded. */
import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as runtime from "@aws-sdk/client-sagemaker-runtime";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { systemClock as clock } from "../../src/base/clock.ts";
import { silentLog as log } from "../../src/base/log.ts";
import { systemRandom as random } from "../../src/base/random.ts";
import { asyncOperations } from "../../src/capabilities/async-inference/operations.ts";
import { RequestTable } from "../../src/capabilities/async-inference/request-table.ts";
import { type Deployment, EndpointKind } from "../../src/capabilities/hosting/kinds.ts";
import { createDataPlane } from "../../src/dataplane/create-data-plane.ts";
import { createForwarder, FORWARDED_LIMITS } from "../../src/gateway/forward.ts";
import { createGateway } from "../../src/gateway/gateway.ts";
import { FramedHandover, HandoverServer } from "../../src/gateway/handover.ts";
import { MemoryStore } from "../../src/state/memory-store.ts";
import type { Credentials } from "../../src/wire/credentials.ts";
import { createListener } from "../../src/wire/listener.ts";
import { RestJson } from "../../src/wire/rest.ts";
import { RUNTIME_RULES } from "../../src/wire/rules.ts";
import { createDispatcher, mount, type ProvenRequests } from "../../src/wire/server.ts";
import { head, signed } from "./raw-request.ts";
import { ACCOUNT, KEYS } from "./test-gateway.ts";

const { accessKeyId, secretAccessKey } = KEYS;
const principal = { accessKeyId, accountId: ACCOUNT.accountId, arn: "arn:root", userId: "root" };
const credentials: Credentials = {
  find: (key) => (key === accessKeyId ? { secretAccessKey, principal } : undefined),
};

let dir: string;
let ports: Record<"past" | "http", number>;
let store: MemoryStore;
let control: Control | undefined;
const parts = new AsyncDisposableStack();

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "tideway-handover-"));
  parts.defer(() => rm(dir, { recursive: true, force: true }));
  store = new MemoryStore({ clock, random, log });
  const AsyncInferenceConfig = { OutputConfig: { S3OutputPath: "s3://jobs/out" } };
  await endpoint("later", AsyncInferenceConfig);
  await endpoint("now", undefined);
  await endpoint("far", { OutputConfig: { S3OutputPath: "s3://jobs/\u2603" } });
  ports = { past: await startGateway(true), http: await startGateway(false) };
});
afterAll(() => parts.disposeAsync());
afterEach(async () => {
  await control?.kill();
  control = undefined;
});

async function endpoint(name: string, asyncInference: Deployment["asyncInference"]): Promise<void> {
  const spec: Deployment = {
    revision: 1,
    configName: name,
    variants: [],
    ...(asyncInference && { asyncInference }),
  };
  await store.create(EndpointKind, {
    name,
    arn: `arn:${name}`,
    spec,
    status: { state: "InService", since: 0, live: spec, progress: {}, digests: {}, draining: {} },
  });
}

async function startGateway(handsOver: boolean): Promise<number> {
  const dataPlane = parts.use(createDataPlane({ clock, random, log }));
  const forwarder = parts.use(createForwarder({ socketPath: join(dir, "control"), clock, random, log }));
  const handover = parts.use(new FramedHandover({ socketPath: join(dir, "handover"), random, log }));
  const gateway = parts.use(
    createGateway({
      dataPlane,
      dispatcher: forwarder,
      ...(handsOver && { handover }),
      credentials,
      clock,
      random,
      log,
      account: ACCOUNT,
      allowedHosts: [],
    }),
  );
  const listener = parts.use(
    createListener((message, reply) => gateway.handle(message, reply), { clock, plain: gateway }),
  );
  return (await listener.listen(0, "127.0.0.1")).port;
}

interface Control {
  readonly table: RequestTable;
  /** How many requests came as frames. */
  readonly handedOver: () => number;
  kill(): Promise<void>;
}

/** Control as its process has it. `stuck`: it takes what is handed over, and says nothing. */
async function startControl(stuck?: () => void): Promise<Control> {
  let handedOver = 0;
  const table = new RequestTable(join(dir, "requests.sqlite"), (error) => expect.fail(error.message));
  const operations = asyncOperations({
    account: ACCOUNT,
    store,
    table,
    clock,
    random,
    added: () => {},
  });
  const service = mount("sagemaker", [new RestJson()], async () => ({
    sdk: runtime,
    client: runtime.SageMakerRuntimeClient,
    rules: RUNTIME_RULES,
    handlers: operations,
  }));
  const dispatcher = createDispatcher({
    mounts: [service],
    credentials,
    clock,
    random,
    log,
    allowedHosts: [],
  });
  const proven: ProvenRequests = {
    answerProven(request, caller) {
      handedOver++;
      stuck?.();
      return stuck ? new Promise(() => {}) : dispatcher.answerProven(request, caller);
    },
  };
  const frames = new HandoverServer(proven, log);
  await frames.listen(join(dir, "handover"));
  const listener = createListener((message, reply) => dispatcher.handle(message, reply), {
    clock,
    limits: FORWARDED_LIMITS,
  });
  await listener.listenOn({ path: join(dir, "control") });
  return {
    table,
    handedOver: () => handedOver,
    async kill() {
      listener.server.closeAllConnections();
      await Promise.all([frames[Symbol.asyncDispose](), listener[Symbol.asyncDispose]()]);
      table[Symbol.dispose]();
    },
  };
}

interface Asked {
  readonly body?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Done to the signed headers. */
  readonly change?: (headers: Record<string, string>) => Record<string, string>;
}

/** The answer without what is never the same: its fields in order, and its body. */
async function ask(port: number, asked: Asked, now = new Date()): Promise<string> {
  const {
    body = "1,2,3",
    path = "/endpoints/later/async-invocations",
    headers = {},
    change = (all) => all,
  } = asked;
  const own = signed(new URL(`http://${headers["host"] ?? "localhost"}${path}`), { body, headers, now });
  const socket = connect(port, "127.0.0.1");
  socket.write(
    head("POST", path, { ...change(own), "content-length": String(body.length) }) + body,
    "latin1",
  );
  let answer = "";
  for await (const chunk of socket.setEncoding("latin1")) {
    answer += chunk as string;
    const end = answer.indexOf("\r\n\r\n") + 4;
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(answer.slice(0, end))?.[1]);
    if (end > 4 && answer.length === end + length) break;
  }
  const [first = "", ...lines] = answer.split("\r\n");
  const said = lines.pop();
  const fields = lines
    .filter((line) => line && !/^(?:date|connection|keep-alive):/i.test(line))
    .map((line) => line.replace(/^[^:]+/, (name) => name.toLowerCase()))
    .sort();
  return [first, ...fields, "", said]
    .join("\n")
    .replace(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, "uuid");
}

const field = (name: string, value: string): Asked => ({ headers: { [`x-amzn-sagemaker-${name}`]: value } });

test.each<[string, number, boolean, Asked]>([
  ["a body", 202, true, {}],
  ["an object", 202, true, { body: "", ...field("inputlocation", "s3://jobs/in/a.csv") }],
  [
    "all that a caller may say",
    202,
    true,
    {
      headers: {
        "x-amzn-sagemaker-content-type": "text/csv",
        "x-amzn-sagemaker-accept": "application/json",
        "x-amzn-sagemaker-custom-attributes": "a=1",
        "x-amzn-sagemaker-inference-id": "mine",
        "x-amzn-sagemaker-requestttlseconds": "60",
        "x-amzn-sagemaker-invocationtimeoutseconds": "9",
        "x-amzn-sagemaker-s3outputpathextension": "a/b",
        "x-amzn-sagemaker-filename": "f.json",
        "content-type": "application/x-www-form-urlencoded",
      },
    },
  ],
  ["neither a body nor an object", 400, true, { body: "" }],
  ["both", 400, true, field("inputlocation", "s3://jobs/in/a.csv")],
  ["an object without a key", 400, true, { body: "", ...field("inputlocation", "s3://jobs") }],
  ["an input elsewhere", 400, true, { body: "", ...field("inputlocation", "ftp://jobs/in") }],
  ["no such endpoint", 400, true, { path: "/endpoints/none/async-invocations" }],
  ["no name of an endpoint", 400, true, { path: "/endpoints/-a-/async-invocations" }],
  ["a real-time endpoint", 400, true, { path: "/endpoints/now/async-invocations" }],
  ["a time too short", 400, true, field("requestttlseconds", "59")],
  ["no time", 400, true, field("requestttlseconds", "soon")],
  ["a name with two dots", 400, true, field("filename", "a.b.c")],
  ["an id too long", 400, true, field("inference-id", "x".repeat(65))],
  ["a body for node:http", 202, false, { body: "x".repeat(100_000) }],
  ["a body too long", 413, false, { body: "x".repeat(128_001) }],
  ["a query", 202, false, { path: "/endpoints/later/async-invocations?x=1" }],
  ["no signature", 403, false, { change: ({ host }) => ({ host: host! }) }],
  [
    "another's signature",
    403,
    false,
    { change: (all) => ({ ...all, authorization: all["authorization"]!.replace(/.{64}$/, "0".repeat(64)) }) },
  ],
  ["a header added on the way", 403, false, { change: (all) => ({ ...all, "x-amz-added": "1" }) }],
  ["a bearer token", 400, false, { change: (all) => ({ ...all, authorization: "Bearer x" }) }],
  ["another host", 403, false, { change: (all) => ({ ...all, host: "evil.example" }) }],
  ["the host of a bucket", 404, false, { headers: { host: "jobs.localhost" } }],
  ["a web page", 403, false, { change: (all) => ({ ...all, origin: "https://evil.example" }) }],
])("%s", async (_what, status, handedOver, asked) => {
  control = await startControl();
  const now = new Date();
  const first = await ask(ports.past, asked, now);
  expect(control.handedOver()).toBe(handedOver ? 1 : 0);
  const waiting = control.table.backlog((await store.get(EndpointKind, "later"))!.uid, 1_000);
  const second = await ask(ports.http, asked, now);
  expect(first).toBe(second);
  expect(first.slice(9, 12)).toBe(String(status));
  expect(control.table.backlog((await store.get(EndpointKind, "later"))!.uid, 1_000)).toBe(
    waiting + (status === 202 ? 1 : 0),
  );
});

test("an answer that no header can hold is told as a failure, and breaks nothing else", async () => {
  control = await startControl();
  for (const port of [ports.past, ports.http]) {
    const answer = await ask(port, { path: "/endpoints/far/async-invocations" });
    expect(answer).toContain("HTTP/1.1 500");
    expect(answer).toContain(
      '{"__type":"InternalFailure","message":"The request failed because of an unknown error."}',
    );
    expect(await ask(port, {})).toContain("HTTP/1.1 202");
  }
});

test("while control is not there a request waits for it, and is accepted once", async () => {
  const uid = (await store.get(EndpointKind, "later"))!.uid;
  const asked = Array.from({ length: 8 }, () => ask(ports.past, {}));
  control = await startControl();
  const waiting = control.table.backlog(uid, 1_000);
  for (const answer of await Promise.all(asked)) expect(answer).toContain("HTTP/1.1 202");
  expect(control.table.backlog(uid, 1_000)).toBe(waiting + 8);
});

test("what control had when it died is not asked again, and the next request finds the next control", async () => {
  const { promise: arrived, resolve } = Promise.withResolvers<void>();
  control = await startControl(resolve);
  const lost = ask(ports.past, {});
  await arrived;
  await control.kill();
  expect(await lost).toContain("503");
  expect(await lost).toContain("The server is restarting, and may or may not have done this. Try again.");
  control = await startControl();
  expect(await ask(ports.past, {})).toContain("HTTP/1.1 202");
  expect(control.handedOver()).toBe(1);
});
