import type { ServerResponse } from "node:http";
import { expect, test } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import { silentLog } from "../../src/base/log.ts";
import { systemRandom } from "../../src/base/random.ts";
import { createDataPlane } from "../../src/dataplane/create-data-plane.ts";
import type { InstanceRoute, ServerlessRoute } from "../../src/dataplane/routing-table.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { endpoint, invocation, table, variant } from "./routing.ts";
import { echo, httpInstance } from "./test-instance.ts";
import { keeper } from "../support/keep.ts";

const keep = keeper();

function plane(clock = systemClock) {
  const demand: string[] = [];
  const dataPlane = keep(
    createDataPlane({
      clock,
      random: systemRandom,
      log: silentLog,
      onDemand: (fleet, workers) => demand.push(`${fleet} ${workers}`),
    }),
  );
  return { dataPlane, demand };
}

const serverless = (
  workers: readonly InstanceRoute[],
  { fleet = "fleet-1", ...rest }: Partial<ServerlessRoute> & { fleet?: string } = {},
) => endpoint([variant(workers, { fleet, serverless: { maxConcurrency: 2, ...rest } })]);

/** A worker that answers when a test says so, and knows how many requests it has. */
async function slowWorker() {
  const replies: ServerResponse[] = [];
  let most = 0;
  const instance = keep(
    await httpInstance((_request, _body, reply) => {
      replies.push(reply);
      most = Math.max(most, replies.length);
    }),
  );
  const asked = async (requests = 1) => {
    while (replies.length < requests) await new Promise((resolve) => setImmediate(resolve));
  };
  return { route: instance.route, answer: () => replies.shift()!.end("ok"), asked, most: () => most };
}

test("a request without a worker tells that one is needed, and is answered by the first there is", async () => {
  const worker = keep(await httpInstance(echo));
  const { dataPlane, demand } = plane();
  dataPlane.route(table(1, serverless([])));
  const outcome = dataPlane.invoke(invocation());
  expect(demand).toEqual(["fleet-1 1"]);
  dataPlane.route(table(2, serverless([worker.route])));
  expect(await outcome).toMatchObject({ kind: "answered" });
});

test("a worker has one request at a time, those that wait come in order, and more than MaxConcurrency are refused", async () => {
  const worker = await slowWorker();
  const { dataPlane, demand } = plane();
  dataPlane.route(table(1, serverless([worker.route])));
  const ended: string[] = [];
  const ask = (name: string) =>
    dataPlane.invoke(invocation()).then((outcome) => ended.push(`${name} ${outcome.kind}`));
  const [first, second] = [ask("first"), ask("second")];
  expect(await dataPlane.invoke(invocation())).toEqual({
    kind: "throttled",
    endpoint: "Iris",
    maxConcurrency: 2,
  });
  expect(demand).toEqual(["fleet-1 1", "fleet-1 2"]);
  await worker.asked();
  worker.answer();
  await first;
  const third = ask("third");
  await worker.asked();
  worker.answer();
  await second;
  await worker.asked();
  worker.answer();
  await third;
  expect(ended).toEqual(["first answered", "second answered", "third answered"]);
  expect(worker.most()).toBe(1);
});

test("one whose client leaves, or that waits for a minute, gives its place away", async () => {
  const clock = new FakeClock();
  const { dataPlane } = plane(clock);
  dataPlane.route(table(1, serverless([])));
  const leaves = new AbortController();
  const left = dataPlane.invoke(invocation({ signal: leaves.signal }));
  const late = dataPlane.invoke(invocation());
  leaves.abort();
  expect(await left).toEqual({ kind: "cancelled" });
  await clock.advance(60_000);
  expect(await late).toEqual({ kind: "not-ready", endpoint: "Iris", variant: "primary" });
  await clock.advance(2000);
  expect(clock.pending).toBe(0);
});

test("those that wait hear at once that no worker can be started, that the endpoint is gone, or go where it goes now", async () => {
  const worker = keep(await httpInstance(echo));
  const { dataPlane, demand } = plane();
  dataPlane.route(table(1, serverless([])));
  const failing = dataPlane.invoke(invocation());
  dataPlane.route(table(2, serverless([], { failure: "It broke." })));
  const told = { kind: "model-error", variant: "primary", status: 500, message: "It broke." };
  expect(await failing).toEqual(told);
  expect(await dataPlane.invoke(invocation())).toEqual(told);

  dataPlane.route(table(3, serverless([])));
  const moved = dataPlane.invoke(invocation());
  dataPlane.route(table(4, serverless([], { fleet: "fleet-2" })));
  expect(demand.at(-1)).toBe("fleet-2 1");
  dataPlane.route(table(5, endpoint([variant([worker.route], { fleet: "fleet-3" })])));
  expect(await moved).toMatchObject({ kind: "answered" });

  dataPlane.route(table(6, serverless([])));
  const orphaned = dataPlane.invoke(invocation());
  dataPlane.route(table(7));
  expect(await orphaned).toEqual({ kind: "unknown-endpoint", endpoint: "Iris" });
});

test("a request that no worker has seen goes to another one, or waits for it", async () => {
  const { dataPlane } = plane();
  const absent = { id: "absent", address: { kind: "unix", path: "/nonexistent/socket" } } as const;
  dataPlane.route(table(1, serverless([absent])));
  const outcome = dataPlane.invoke(invocation());
  await new Promise((resolve) => setImmediate(resolve));
  const worker = keep(await httpInstance(echo));
  dataPlane.route(table(2, serverless([absent, worker.route])));
  expect(await outcome).toMatchObject({ kind: "answered" });
});

test("a body may have 4,194,304 bytes, and so may an answer", async () => {
  const worker = keep(await httpInstance((_request, body, reply) => reply.end(Buffer.alloc(Number(body)))));
  const { dataPlane } = plane();
  dataPlane.route(table(1, serverless([worker.route])));
  expect(dataPlane.bodyLimit("iris")).toBe(4_194_304);
  expect(await dataPlane.invoke(invocation({ body: Buffer.from("4194304") }))).toMatchObject({
    kind: "answered",
  });
  expect(await dataPlane.invoke(invocation({ body: Buffer.from("4194305") }))).toMatchObject({
    kind: "model-error",
    message: "The model's response is longer than 4194304 bytes.",
  });
});
