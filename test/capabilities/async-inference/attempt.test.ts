import { expect, test } from "vitest";
import { attempt, earlierResult } from "../../../src/capabilities/async-inference/attempt.ts";
import { type CallInstance, InputBroke, InstanceBroke } from "../../../src/dataplane/instance-call.ts";
import type { AsyncRequest } from "../../../src/capabilities/async-inference/request.ts";
import { NoSuchObject, ObjectExists, type ObjectStore } from "../../../src/objects/object-store.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { requestOf } from "./requests.ts";

const bytes = async function* (...chunks: (string | Error)[]) {
  for (const chunk of chunks) {
    if (chunk instanceof Error) throw chunk;
    yield Buffer.from(chunk);
  }
};
const answers =
  (status: number, ...chunks: (string | Error)[]): CallInstance =>
  async ({ body }) => {
    await Array.fromAsync(body);
    return { status, contentType: "text/csv", body: bytes(...chunks) };
  };

/** A store of one input, whose writes end in `put`. */
function storeOf({ size = 3, put = async () => {}, get = () => bytes("1,2") } = {}) {
  const stored = new Map<string, string>();
  const info = { key: "k", size, etag: "", modifiedAt: 5000, contentType: "text/csv" };
  const store = {
    head: async () => info,
    get: async () => ({ info, body: get() }),
    put: async (_: string, key: string, body: AsyncIterable<Uint8Array>) => {
      const content = Buffer.concat(await Array.fromAsync(body)).toString();
      await put();
      stored.set(key, content);
      return info;
    },
  } as unknown as ObjectStore;
  return { store, stored };
}

async function tried(
  call: CallInstance,
  { store, stored } = storeOf(),
  more: Partial<AsyncRequest> = {},
  waitMs = 0,
) {
  const clock = new FakeClock(0);
  const stopping = new AbortController();
  const measured: Record<string, number> = {};
  const running = attempt(
    { id: 1, attempt: 1, breaks: 0, begunAt: 0, request: requestOf("a", more) },
    { kind: "unix", path: "/x" },
    {
      objects: store,
      clock,
      inlineBody: () => undefined,
      stopping: stopping.signal,
      call,
      measure: (name, value) => void (measured[name] = (measured[name] ?? 0) + value),
    },
  );
  await clock.advance(waitMs);
  const result = await running;
  expect(clock.pending).toBe(0);
  return { result, stored, measured };
}

test("an answer is the result, whole", async () => {
  const { result, stored } = await tried(answers(200, "a", "b"));
  expect(result).toEqual({ kind: "succeeded", at: 0, contentType: "text/csv" });
  expect([...stored]).toEqual([["out/a.out", "ab"]]);
});

test("what a control that was killed wrote in the meantime stays, and is the result", async () => {
  const exists = storeOf({ put: () => Promise.reject(new ObjectExists("jobs", "out/a.out")) });
  const { result, stored } = await tried(answers(200, "b"), exists);
  expect(result).toEqual({ kind: "succeeded", at: 0, contentType: "text/csv" });
  expect([...stored]).toEqual([]);
});

test("an input above 1 GiB is not sent", async () => {
  const { result } = await tried(
    () => {
      throw new Error("nobody is asked");
    },
    storeOf({ size: 1024 ** 3 + 1 }),
  );
  expect(result).toEqual({
    kind: "failed",
    at: 0,
    reason: "ClientError: The input s3://jobs/in/a has 1073741825 bytes; at most 1073741824 are allowed.",
  });
});

test("an input that must not be read", async () => {
  const forbidden = () => {
    throw Object.assign(new Error("Access Denied"), { name: "AccessDenied" });
  };
  const { result } = await tried(answers(200), storeOf({ get: forbidden }));
  expect(result).toMatchObject({
    reason: "ClientError: The input s3://jobs/in/a could not be read: Access Denied",
  });
});

test.each([
  [
    "an input that breaks off",
    async () => Promise.reject(new InputBroke("cut")),
    { kind: "failed", reason: "ClientError: The input s3://jobs/in/a could not be read: cut" },
  ],
  [
    "an instance that refuses",
    async () => Promise.reject(new InstanceBroke("refused", false)),
    { kind: "unreachable" },
  ],
  [
    "one that breaks off before it answers",
    async () => Promise.reject(new InstanceBroke("hang up", true)),
    { kind: "broke", why: "hang up", left: false },
  ],
  [
    "one that breaks off within its answer",
    answers(200, "a", new InstanceBroke("cut", true)),
    { kind: "broke", why: "cut", left: false },
  ],
  [
    "a model's error",
    answers(400, "no ", "number"),
    {
      kind: "failed",
      body: Buffer.from("no number").toString("base64"),
      contentType: "text/csv",
      reason:
        "ClientError: Received client error (400) from model. See the SageMaker Endpoint logs in your account for more information.",
    },
  ],
] satisfies [string, CallInstance, object][])("%s", async (_, call, wanted) => {
  const { result, stored } = await tried(call);
  expect(result).toMatchObject(wanted);
  expect(stored.size).toBe(0);
});

test("a result that has no place is told apart from one that may have one later", async () => {
  const gone = storeOf({ put: () => Promise.reject(new NoSuchObject('There is no bucket "jobs".')) });
  expect((await tried(answers(200, "a"), gone)).result).toMatchObject({
    kind: "failed",
    reason:
      'ClientError: The response could not be written to s3://jobs/out/a.out: There is no bucket "jobs".',
  });
  const full = storeOf({ put: () => Promise.reject(new Error("the disk is full")) });
  expect((await tried(answers(200, "a"), full)).result).toEqual({
    kind: "not-stored",
    why: "the disk is full",
  });
});

test("a model has its time, and not a moment more; what is done with its answer then is not its time", async () => {
  const hangs: CallInstance = ({ signal }) =>
    new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error)));
  expect((await tried(hangs, storeOf(), { timeoutSeconds: 7 }, 7000)).result).toEqual({
    kind: "failed",
    at: 7000,
    reason: "ClientError: The model did not answer within the 7 s of InvocationTimeoutSeconds.",
  });
});

test("an earlier result is that of this request", async () => {
  const { store } = storeOf();
  const of = (ownName: boolean, begunAt: number) =>
    earlierResult({ id: 1, attempt: 2, breaks: 0, begunAt, request: requestOf("a", { ownName }) }, store, 9);
  expect(await of(true, 9000)).toEqual({ kind: "succeeded", at: 9, contentType: "text/csv" });
  expect(await of(false, 5000)).toBeDefined();
  expect(await of(false, 6000)).toBeUndefined();
});

test("what an attempt measures", async () => {
  const answered = {
    RequestDownloadFailures: 0,
    ModelLatency: 0,
    Invocation4XXErrors: 0,
    Invocation5XXErrors: 0,
  };
  expect((await tried(answers(200, "a"))).measured).toEqual(answered);
  expect((await tried(answers(400, "a"))).measured).toEqual({ ...answered, Invocation4XXErrors: 1 });
  expect((await tried(answers(500, "a"))).measured).toEqual({ ...answered, Invocation5XXErrors: 1 });
  const full = storeOf({ put: () => Promise.reject(new Error("full")) });
  expect((await tried(answers(200, "a"), full)).measured).toEqual({ ...answered, ResponseUploadFailures: 1 });
  const large = storeOf({ size: 2 ** 30 + 1 });
  expect((await tried(answers(200, "a"), large)).measured).toEqual({ RequestDownloadFailures: 1 });
});
