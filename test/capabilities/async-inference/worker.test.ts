import { afterEach, beforeEach, expect, test } from "vitest";
import { silentLog } from "../../../src/base/log.ts";
import type { CallInstance } from "../../../src/dataplane/instance-call.ts";
import { RequestTable } from "../../../src/capabilities/async-inference/request-table.ts";
import { AsyncWorker } from "../../../src/capabilities/async-inference/worker.ts";
import type { EndpointRoute } from "../../../src/dataplane/routing-table.ts";
import { NoSuchObject, type ObjectStore } from "../../../src/objects/object-store.ts";
import type { ResourceStore } from "../../../src/state/store.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { SeededRandom } from "../../support/seeded-random.ts";
import { requestOf } from "./requests.ts";

let clock: FakeClock;
let table: RequestTable;
let objects: Map<string, string>;
let endpoint: { state: string; instanceCount: number } | undefined;
let calls: string[];
let woken: string[];
let worker: AsyncWorker | undefined;
/** What an instance does with an input. */
let model: (input: string) => Promise<string>;

beforeEach(() => {
  clock = new FakeClock(0);
  table = new RequestTable(":memory:", (error) => {
    throw error;
  });
  objects = new Map(["a", "b", "c"].map((id) => [`in/${id}`, id]));
  endpoint = { state: "InService", instanceCount: 1 };
  calls = [];
  woken = [];
  model = async (input) => input;
});
afterEach(async () => {
  const ended = worker?.[Symbol.asyncDispose]();
  await clock.advance(0);
  await ended;
  table[Symbol.dispose]();
});

const bytes = async function* (content: string) {
  yield Buffer.from(content);
};
const call: CallInstance = async ({ body, signal }) => {
  const input = Buffer.concat(await Array.fromAsync(body)).toString();
  calls.push(input);
  const cut = new Promise<never>((_, reject) =>
    signal.addEventListener("abort", () => reject(signal.reason as Error)),
  );
  return { status: 200, contentType: undefined, body: bytes(await Promise.race([model(input), cut])) };
};
const store = {
  head: async (_: string, key: string) => {
    const content = objects.get(key);
    if (content === undefined) throw new NoSuchObject(`There is no ${key}.`);
    return { key, size: content.length, etag: "", modifiedAt: 0 };
  },
  get: async (bucket: string, key: string) => ({
    info: await store.head(bucket, key),
    body: bytes(objects.get(key)!),
  }),
  put: async (bucket: string, key: string, body: AsyncIterable<Uint8Array> | Uint8Array) => {
    const content = body instanceof Uint8Array ? body : Buffer.concat(await Array.fromAsync(body));
    objects.set(key, content.toString());
    return store.head(bucket, key);
  },
} as unknown as ObjectStore;
const resources = {
  names: async () => (endpoint ? ["later"] : []),
  get: async () => {
    if (!endpoint) return undefined;
    const spec = {
      asyncInference: { ClientConfig: { MaxConcurrentInvocationsPerInstance: 1 } },
      variants: [{ instanceCount: endpoint.instanceCount, weight: 1 }],
    };
    return { uid: "uid", name: "later", spec, status: { state: endpoint.state, live: spec } };
  },
} as unknown as ResourceStore;

async function open(): Promise<AsyncWorker> {
  worker = await AsyncWorker.open({
    table,
    store: resources,
    objects: store,
    clock,
    random: new SeededRandom(1),
    log: silentLog,
    region: "us-east-1",
    publish: async () => {},
    wake: async (name) => void woken.push(name),
    suspect: () => {},
    call,
  });
  return worker;
}

const route = (...ids: string[]): EndpointRoute => ({
  name: "later",
  arn: "arn",
  timeoutMs: 60_000,
  maxOutstanding: 1,
  variants: [
    {
      name: "AllTraffic",
      fleet: "fleet",
      weight: 1,
      routing: "RANDOM",
      instances: ids.map((id) => ({ id, address: { kind: "unix", path: id } })),
    },
  ],
});
/** As much of the work as needs no time. */
const settled = async () => {
  for (let turn = 0; turn < 20; turn++) await clock.advance(0);
};
const failure = (id: string) => objects.get(`failures/${id}-error.out`);

test("one that waits for too long fails then, and not before", async () => {
  await open();
  await table.add(requestOf("a", { expiresAt: 60_000, ttlSeconds: 60 }));
  worker!.added("uid");
  await clock.advance(59_000);
  await settled();
  expect(failure("a")).toBeUndefined();
  await clock.advance(2000);
  await settled();
  expect(failure("a")).toBe("ClientError: The request waited for longer than the 60 s of RequestTTLSeconds.");
  expect(table.endpoints()).toEqual([]);
});

test("as many as an instance may have, in their order; what it has counts for its fleet", async () => {
  const ended: ((value: string) => void)[] = [];
  model = () => new Promise((resolve) => ended.push(resolve));
  await open();
  for (const id of ["a", "b", "c"]) await table.add(requestOf(id));
  await worker!.routed("later", route("i1", "i2"));
  await settled();
  expect(calls).toEqual(["a", "b"]);
  expect(worker!.inFlight("fleet")).toBe(2);
  ended[1]!("done");
  await settled();
  expect(calls).toEqual(["a", "b", "c"]);
  expect(objects.get("out/b.out")).toBe("done");
});

test("what another process had begun is begun again, unless its result is there", async () => {
  for (const id of ["a", "b"]) await table.add(requestOf(id));
  await table.lease("uid", 0, 2);
  objects.set("out/a.out", "first");
  await open();
  await worker!.routed("later", route("i1"));
  await settled();
  expect(calls).toEqual(["b"]);
  expect([objects.get("out/a.out"), objects.get("out/b.out")]).toEqual(["first", "b"]);
  expect(table.endpoints()).toEqual([]);
});

test("requests of an endpoint that went while nobody looked fail at the start", async () => {
  await table.add(requestOf("a"));
  endpoint = undefined;
  await open();
  await clock.advance(1000);
  await settled();
  expect(failure("a")).toBe(
    "ClientError: The endpoint later was deleted, or takes no asynchronous requests any more.",
  );
});

test("an endpoint of no instances is woken once for what waits", async () => {
  endpoint = { state: "InService", instanceCount: 0 };
  await open();
  await worker!.routed("later", route());
  await clock.advance(3000);
  expect(woken).toEqual([]);
  await table.add(requestOf("a"));
  worker!.added("uid");
  await clock.advance(3000);
  expect(woken).toEqual(["later"]);
  endpoint = { state: "InService", instanceCount: 1 };
  await worker!.routed("later", route("i1"));
  await settled();
  expect(objects.get("out/a.out")).toBe("a");
});

const HOUR = 3_600_000;

test("a clock that is set forwards ends what waits for too long by it, and nothing that is under way", async () => {
  const ended: ((value: string) => void)[] = [];
  model = () => new Promise((resolve) => ended.push(resolve));
  await open();
  for (const id of ["a", "b"]) await table.add(requestOf(id, { expiresAt: HOUR, ttlSeconds: 3600 }));
  await worker!.routed("later", route("i1"));
  await settled();
  expect(calls).toEqual(["a"]);
  clock.jump(24 * HOUR);
  await clock.advance(1000);
  await settled();
  expect(failure("b")).toBe(
    "ClientError: The request waited for longer than the 3600 s of RequestTTLSeconds.",
  );
  ended[0]!("done");
  await settled();
  expect([objects.get("out/a.out"), failure("a"), objects.get("out/b.out")]).toEqual([
    "done",
    undefined,
    undefined,
  ]);
  expect([calls, table.endpoints()]).toEqual([["a"], []]);
});

test.each([-24 * HOUR, 24 * HOUR])(
  "a model has its whole time, and no more, by a clock set by %i ms",
  async (jump) => {
    model = () => new Promise(() => {});
    await open();
    await table.add(requestOf("a", { expiresAt: 48 * HOUR, timeoutSeconds: 60 }));
    await worker!.routed("later", route("i1"));
    await settled();
    clock.jump(jump);
    await clock.advance(59_999);
    await settled();
    expect(failure("a")).toBeUndefined();
    await clock.advance(1);
    await settled();
    expect(failure("a")).toBe(
      "ClientError: The model did not answer within the 60 s of InvocationTimeoutSeconds.",
    );
    expect(table.endpoints()).toEqual([]);
  },
);

test("a clock that is set backwards keeps nothing waiting: neither what came before nor what is begun again", async () => {
  await open();
  for (const id of ["a", "b"])
    await table.add(requestOf(id, { receivedAt: 10 * HOUR, expiresAt: 11 * HOUR }));
  const [broken] = await table.lease("uid", 10 * HOUR, 1);
  await table.requeue(broken!, 10 * HOUR + 1000, true);
  await worker!.routed("later", route("i1"));
  await clock.advance(2000);
  await settled();
  expect(calls).toEqual(["b", "a"]);
  expect([objects.get("out/a.out"), objects.get("out/b.out")]).toEqual(["a", "b"]);
  expect(table.endpoints()).toEqual([]);
});

test("leases are no matter of time: what a control had begun before the clock was set is begun again by the next", async () => {
  model = () => new Promise(() => {});
  await open();
  await table.add(requestOf("a", { expiresAt: HOUR }));
  await worker!.routed("later", route("i1"));
  await settled();
  const ending = worker![Symbol.asyncDispose]();
  await settled();
  await ending;
  clock.jump(-24 * HOUR);
  model = async (input) => input;
  await open();
  await worker!.routed("later", route("i1"));
  await settled();
  expect([calls, objects.get("out/a.out"), table.endpoints()]).toEqual([["a", "a"], "a", []]);
});
