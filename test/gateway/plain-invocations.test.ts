/** The fast path against node:http: the same invocations get the same answers, byte for byte. */
import { connect } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { systemRandom } from "../../src/base/random.ts";
import { endpoint, table, variant } from "../dataplane/routing.ts";
import { httpInstance, type TestInstance } from "../dataplane/test-instance.ts";
import { head, signed } from "./raw-request.ts";
import { startTestGateway, type TestGateway } from "./test-gateway.ts";

let instance: TestInstance;
let past: TestGateway;
let http: TestGateway;

beforeAll(async () => {
  instance = await httpInstance((request, body, reply) => {
    const status = Number(request.headers["x-amzn-sagemaker-inference-id"] ?? 200);
    const { traceparent = "a=1", tracestate = "" } = request.headers;
    const told = `${traceparent as string}${tracestate as string}`;
    reply.writeHead(status, { "content-type": "text/plain", "x-amzn-sagemaker-custom-attributes": told });
    reply.end(body);
  });
  past = await startTestGateway();
  http = await startTestGateway({ plain: false });
  for (const { dataPlane } of [past, http]) dataPlane.route(table(1, endpoint([variant([instance.route])])));
});
afterAll(async () => {
  for (const one of [past, http, instance]) await one[Symbol.asyncDispose]();
});

interface Asked {
  readonly body?: string | Buffer;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Done to the signed headers. */
  readonly change?: (headers: Record<string, string>) => Record<string, string>;
}

/** Both ports have the same name, so that both requests have the same signature. */
async function ask({ port }: TestGateway, asked: Asked, now: Date): Promise<string> {
  const { body = "1,2,3", path = "/endpoints/Iris/invocations", headers = {}, change = (all) => all } = asked;
  const own = signed(new URL(`http://localhost${path}`), { body, headers, now });
  const bytes = Buffer.from(body);
  const text = head("POST", path, { ...change(own), "content-length": String(bytes.length) });
  const socket = connect(port, "127.0.0.1");
  socket.write(Buffer.concat([Buffer.from(text, "latin1"), bytes]));
  let answer = "";
  for await (const chunk of socket.setEncoding("latin1")) {
    answer += chunk as string;
    const end = answer.indexOf("\r\n\r\n") + 4;
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(answer.slice(0, end))?.[1]);
    if (end > 4 && answer.length === end + length) break;
  }
  return answer.replace(/\r\nDate: [^\r]*/, "").replace(/\r\nx-amzn-requestid: [\w-]{36}/i, "");
}

/** What node:http reads the body of is answered before that is there: a refused client that sends on is cut. */
const CONNECTION = /\r\nconnection: (?:close|keep-alive\r\nkeep-alive: timeout=65)/i;

test.each<[string, number, Asked]>([
  ["an invocation", 200, {}],
  ["no body", 200, { body: "" }],
  ["bytes", 200, { body: Buffer.from(systemRandom.bytes(500)) }],
  ["an answer in a buffer of its own", 200, { body: "x".repeat(50_000) }],
  [
    "all that a caller may say",
    200,
    {
      headers: {
        "content-type": "text/csv",
        accept: "*/*",
        "x-amzn-sagemaker-custom-attributes": "b=2",
        "x-amzn-sagemaker-target-variant": "primary",
      },
    },
  ],
  ["a model's error", 424, { headers: { "x-amzn-sagemaker-inference-id": "500" } }],
  ["a model's refusal", 424, { headers: { "x-amzn-sagemaker-inference-id": "404" } }],
  ["no such endpoint", 400, { path: "/endpoints/None/invocations" }],
  ["no name of an endpoint", 400, { path: "/endpoints/-a-/invocations" }],
  ["no such variant", 400, { headers: { "x-amzn-sagemaker-target-variant": "other" } }],
  ["what endpoints here do not do", 400, { headers: { "x-amzn-sagemaker-target-model": "m" } }],
  ["no signature", 403, { change: ({ host }) => ({ host: host! }) }],
  [
    "another's signature",
    403,
    {
      change: (all) => ({
        ...all,
        authorization: all["authorization"]!.replace(/.$/, (last) => (last === "0" ? "1" : "0")),
      }),
    },
  ],
  ["a header added on the way", 403, { change: (all) => ({ ...all, "x-amz-added": "1" }) }],
  ["a bearer token", 400, { change: (all) => ({ ...all, authorization: "Bearer x" }) }],
  ["another host", 403, { change: (all) => ({ ...all, host: "evil.example" }) }],
  ["a web page", 403, { change: (all) => ({ ...all, origin: "https://evil.example" }) }],
])("%s", async (_what, status, asked) => {
  const now = new Date();
  const [first, second] = [await ask(past, asked, now), await ask(http, asked, now)];
  expect(first.replace(CONNECTION, "")).toBe(second.replace(CONNECTION, ""));
  expect(first.slice(9, 12)).toBe(String(status));
  expect(first).toContain("Keep-Alive: timeout=65");
  expect([past.errors, http.errors]).toEqual([[], []]);
});

test("the caller's trace goes on in the container, past node:http or not", async () => {
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const headers = { traceparent, tracestate: "vendor=1" };
  for (const gateway of [past, http])
    expect(await ask(gateway, { headers }, new Date())).toContain(`: ${traceparent}vendor=1\r\n`);
});
