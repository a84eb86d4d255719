import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { describe, expect, test } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import { silentLog } from "../../src/base/log.ts";
import { systemRandom } from "../../src/base/random.ts";
import { createDataPlane, type DataPlaneOptions } from "../../src/dataplane/create-data-plane.ts";
import type { Outcome } from "../../src/dataplane/outcome.ts";
import type { InstanceRoute } from "../../src/dataplane/routing-table.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { endpoint, invocation, table, variant } from "./routing.ts";
import { echo, flood, httpInstance, rawInstance } from "./test-instance.ts";
import { keeper } from "../support/keep.ts";

const keep = keeper();

function plane(options: Partial<DataPlaneOptions> = {}) {
  const failures: string[] = [];
  const dataPlane = keep(
    createDataPlane({
      clock: systemClock,
      random: systemRandom,
      log: silentLog,
      onInstanceFailure: (id, failure) => failures.push(`${id} ${failure}`),
      ...options,
    }),
  );
  return Object.assign(dataPlane, { failures });
}

/** A data plane with one endpoint and one variant on these instances. */
function serving(
  instances: readonly InstanceRoute[],
  options: Partial<DataPlaneOptions> = {},
  timeoutMs = 60_000,
) {
  const dataPlane = plane(options);
  dataPlane.route(table(1, endpoint([variant(instances)], { timeoutMs })));
  return dataPlane;
}

function answered<Body>(outcome: Outcome<Body>) {
  if (outcome.kind !== "answered") throw new Error(`not answered: ${JSON.stringify(outcome)}`);
  return outcome;
}

const text = (body: Uint8Array) => Buffer.from(body).toString();

async function read(body: AsyncIterable<Uint8Array>): Promise<string> {
  let all = "";
  for await (const chunk of body) all += text(chunk);
  return all;
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

describe("routing", () => {
  test("an answer comes back whole, with the variant's name", async () => {
    const instance = keep(
      await httpInstance((request, body, reply) => {
        reply.writeHead(200, {
          "content-type": "text/plain",
          "x-amzn-sagemaker-custom-attributes": "c=1",
          "x-other": "no",
        });
        reply.end(`${request.method} ${request.url} ${request.headers["content-type"]} ${body.toString()}`);
      }),
    );
    const outcome = answered(await serving([instance.route]).invoke(invocation({ endpoint: "IRIS" })));
    expect(outcome.variant).toBe("primary");
    expect(outcome.answer).toEqual({
      status: 200,
      headers: { "content-type": "text/plain", "x-amzn-sagemaker-custom-attributes": "c=1" },
    });
    expect(text(outcome.body)).toBe("POST /invocations text/csv 1,2,3");
  });

  test("what is not there is said as a value", async () => {
    const dataPlane = plane();
    expect(await dataPlane.invoke(invocation())).toEqual({ kind: "unknown-endpoint", endpoint: "Iris" });
    dataPlane.route(table(1, endpoint([variant([]), variant([], { name: "idle", weight: 0 })])));
    expect(await dataPlane.invoke(invocation({ targetVariant: "no" }))).toEqual({
      kind: "unknown-variant",
      endpoint: "Iris",
      variant: "no",
    });
    expect(await dataPlane.invoke(invocation())).toMatchObject({
      kind: "no-capacity",
      message: "Endpoint Iris cannot take this request: variant primary has no instance that is ready.",
    });
    dataPlane.route(table(2, endpoint([variant([], { weight: 0 })])));
    expect(await dataPlane.invoke(invocation())).toMatchObject({
      kind: "no-capacity",
      message: "Endpoint Iris cannot take this request: no variant has a weight above 0.",
    });
  });

  test("a variant of weight 0 answers only by its name", async () => {
    await using a = await httpInstance(echo);
    await using b = await httpInstance(echo);
    const dataPlane = plane();
    dataPlane.route(
      table(
        1,
        endpoint([variant([a.route]), variant([b.route], { name: "shy", fleet: "fleet-2", weight: 0 })]),
      ),
    );
    for (let i = 0; i < 20; i++) await dataPlane.invoke(invocation());
    expect([a.seen.length, b.seen.length]).toEqual([20, 0]);
    expect(await dataPlane.invoke(invocation({ targetVariant: "shy" }))).toMatchObject({ variant: "shy" });
  });

  test("an older table is ignored", async () => {
    const dataPlane = plane();
    expect(dataPlane.route(table(5, endpoint([variant([])])))).toBe(5);
    expect(dataPlane.route(table(4))).toBe(5);
    expect(await dataPlane.invoke(invocation())).toMatchObject({ kind: "no-capacity" });
  });

  test("the least loaded instance gets the next request", async () => {
    const held: ServerResponse[] = [];
    const slow = keep(await httpInstance((_request, _body, reply) => held.push(reply)));
    const quick = keep(await httpInstance(echo));
    const dataPlane = serving([slow.route, quick.route]);
    const first = [];
    while (held.length === 0) {
      first.push(dataPlane.invoke(invocation()));
      await until(() => slow.seen.length + quick.seen.length === first.length);
    }
    await until(() => dataPlane.inFlight("fleet-1") === 1);
    const before = quick.seen.length;
    for (let i = 0; i < 20; i++) await dataPlane.invoke(invocation());
    expect(slow.seen.length).toBe(1);
    expect(quick.seen.length).toBe(before + 20);
    held[0]!.end();
    await Promise.all(first);
  });

  test("above the endpoint's bound, requests are refused at once; below it again, taken", async () => {
    const held: ServerResponse[] = [];
    const instance = keep(await httpInstance((_request, _body, reply) => held.push(reply)));
    const dataPlane = plane();
    dataPlane.route(table(1, endpoint([variant([instance.route])], { maxOutstanding: 3 })));
    const waiting = [1, 2, 3].map(() => dataPlane.invoke(invocation()));
    expect(await dataPlane.invoke(invocation())).toEqual({ kind: "overloaded", endpoint: "Iris" });
    await until(() => held.length === 3);
    for (const reply of held.splice(0)) reply.end();
    await Promise.all(waiting);
    const next = dataPlane.invoke(invocation());
    await until(() => held.length === 1);
    held[0]!.end();
    expect(await next).toMatchObject({ kind: "answered" });
    expect(instance.seen.length).toBe(4);
  });
});

describe("answers that are not good", () => {
  test.each([400, 404, 500, 503])("F32: the container's %i keeps its status and words", async (status) => {
    const instance = keep(
      await httpInstance((_request, _body, reply) => reply.writeHead(status).end("bad \u00e9")),
    );
    const dataPlane = serving([instance.route]);
    const expected = { kind: "model-error", variant: "primary", status, message: "bad \u00e9" };
    expect(await dataPlane.invoke(invocation())).toEqual(expected);
    expect(await dataPlane.invokeStreaming(invocation())).toEqual(expected);
    expect(dataPlane.failures).toEqual([]);
  });

  test("the container's words are cut at the limit", async () => {
    const instance = keep(
      await httpInstance((_request, _body, reply) => reply.writeHead(500).end("x".repeat(50_000))),
    );
    const outcome = await serving([instance.route]).invoke(invocation());
    expect(outcome).toMatchObject({ kind: "model-error", message: "x".repeat(16_384) });
  });

  test("F33: garbage with a wrong content type passes untouched", async () => {
    const garbage = Buffer.from([0, 255, 1, 254, 13, 10]);
    const instance = keep(
      await httpInstance((_request, _body, reply) =>
        reply.writeHead(200, { "content-type": "application/json" }).end(garbage),
      ),
    );
    const outcome = answered(await serving([instance.route]).invoke(invocation()));
    expect(Buffer.from(outcome.body).equals(garbage)).toBe(true);
  });

  test.each([
    ["with its length", { "content-length": "2000" }],
    ["in chunks", {}],
  ])("F35: an answer over the limit, %s, is an error, and the connection is cut", async (_how, headers) => {
    const instance = keep(
      await httpInstance(
        (_request, _body, reply) => void reply.writeHead(200, headers).write(Buffer.alloc(1500)),
      ),
    );
    const dataPlane = serving([instance.route], { limits: { responseBytes: 1000 } });
    expect(await dataPlane.invoke(invocation())).toEqual({
      kind: "model-error",
      variant: "primary",
      status: 200,
      message: "The model's response is longer than 1000 bytes.",
    });
    expect(dataPlane.inFlight("fleet-1")).toBe(0);
    await until(() => instance.sockets.size === 0);
  });

  test("an answer of exactly the limit passes", async () => {
    const instance = keep(
      await httpInstance((_request, _body, reply) => reply.end(Buffer.alloc(6_291_456, 1))),
    );
    const outcome = await serving([instance.route]).invoke(invocation());
    expect(outcome.kind === "answered" && outcome.body.byteLength).toBe(6_291_456);
  });

  test("F36: a header that could not be sent on is dropped, the answer is not", async () => {
    const instance = keep(
      await rawInstance((socket) =>
        socket.write(
          Buffer.from(
            "HTTP/1.1 200 OK\r\nx-amzn-sagemaker-custom-attributes: caf\xe9\r\ncontent-type: text/csv\r\ncontent-length: 2\r\n\r\nok",
            "latin1",
          ),
        ),
      ),
    );
    expect(await serving([instance.route]).invoke(invocation())).toMatchObject({
      kind: "answered",
      answer: { headers: { "content-type": "text/csv" } },
    });
  });

  test.each([
    ["HTTP/1.0 without a length", "HTTP/1.0 200 OK\r\n\r\nhello", true, "hello"],
    ["HTTP/1.1 without a length", "HTTP/1.1 200 OK\r\n\r\nhello", true, "hello"],
    [
      "chunked",
      "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n",
      false,
      "hello",
    ],
    ["204", "HTTP/1.1 204 No Content\r\n\r\n", false, ""],
    ["an empty body", "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", false, ""],
    [
      "a few interim answers",
      `${"HTTP/1.1 103 Early Hints\r\n\r\n".repeat(3)}HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok`,
      false,
      "ok",
    ],
  ])("F37: %s is taken", async (_what, bytes, close, body) => {
    const instance = keep(
      await rawInstance((socket) => {
        if (close) socket.end(bytes);
        else socket.write(bytes);
      }),
    );
    const outcome = await serving([instance.route]).invoke(invocation());
    expect(outcome.kind === "answered" && text(outcome.body)).toBe(body);
  });

  test.each([
    ["a storm of interim answers", "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(1000)],
    ["no HTTP", "hello\r\n\r\n"],
    [
      "a length and chunks",
      "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
    ["two lengths", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nabc"],
    ["a broken chunk size", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n"],
    ["a head too long", `HTTP/1.1 200 OK\r\nx: ${"y".repeat(100_000)}\r\n\r\n`],
    ["an upgrade", "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n"],
    ["100 Continue, not asked for", "HTTP/1.1 100 Continue\r\n\r\n"],
    ["a NUL in a header", "HTTP/1.1 200 OK\r\nx: a\0b\r\ncontent-length: 0\r\n\r\n"],
  ])("F37: %s is a model error, at once", async (_what, bytes) => {
    const instance = keep(await rawInstance((socket) => void socket.write(bytes)));
    const dataPlane = serving([instance.route]);
    expect(await dataPlane.invoke(invocation())).toMatchObject({ kind: "model-error", status: 0 });
    expect(dataPlane.inFlight("fleet-1")).toBe(0);
    await until(() => instance.sockets.size === 0);
  });

  test("F38: a second response is never given to anybody", async () => {
    let answers = 0;
    const instance = keep(
      await rawInstance((socket) => {
        const smuggled = answers++ === 0 ? "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil" : "";
        socket.write(`HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ngood${smuggled}`);
      }),
    );
    const dataPlane = serving([instance.route]);
    for (let i = 0; i < 3; i++) {
      const outcome = await dataPlane.invoke(invocation());
      expect(outcome.kind === "answered" && text(outcome.body)).toBe("good");
    }
  });

  test("F38: nor one that comes while the connection is idle", async () => {
    let first = true;
    const instance = keep(
      await rawInstance((socket) => {
        socket.write("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ngood");
        if (first) setImmediate(() => socket.write("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil"));
        first = false;
      }),
    );
    const dataPlane = serving([instance.route]);
    await dataPlane.invoke(invocation());
    await until(() => instance.sockets.size === 0);
    const outcome = await dataPlane.invoke(invocation());
    expect(outcome.kind === "answered" && text(outcome.body)).toBe("good");
  });
});

describe("instances that fail", () => {
  test("F07: an instance killed with requests in flight fails those at once, and nobody else's", async () => {
    const doomed = keep(await httpInstance(() => {}));
    const other = keep(await httpInstance(echo));
    const dataPlane = plane();
    dataPlane.route(
      table(
        1,
        endpoint([variant([doomed.route])]),
        endpoint([variant([other.route], { fleet: "fleet-2" })], { name: "other" }),
      ),
    );
    const lost = [1, 2, 3].map(() => dataPlane.invoke(invocation()));
    await until(() => doomed.seen.length === 3);
    await doomed.kill();
    for (const outcome of await Promise.all(lost)) {
      expect(outcome).toEqual({
        kind: "model-error",
        variant: "primary",
        status: 0,
        message:
          "Amazon SageMaker could not get a response from the Iris endpoint. This can occur when CPU or memory utilization is high. To check your utilization, see Amazon CloudWatch. To fix this problem, use an instance type with more CPU capacity or memory.",
      });
    }
    expect(dataPlane.failures).toEqual(Array(3).fill(`${doomed.route.id} broken`));
    expect(await dataPlane.invoke(invocation({ endpoint: "other" }))).toMatchObject({ kind: "answered" });
  });

  test("a request that was never sent goes to another instance, once", async () => {
    const gone: InstanceRoute = { id: "gone", address: { kind: "unix", path: "/nonexistent/socket" } };
    const alive = keep(await httpInstance(echo));
    const dataPlane = serving([gone, alive.route]);
    for (let i = 0; i < 10; i++)
      expect(await dataPlane.invoke(invocation())).toMatchObject({ kind: "answered" });
    // F39: once it failed, it is passed over
    expect(dataPlane.failures.filter((one) => one === "gone unreachable").length).toBeLessThanOrEqual(1);

    const limits = { readyWaitMs: 1 };
    const alone = serving([gone], { limits });
    expect(await alone.invoke(invocation())).toMatchObject({ kind: "model-error", status: 0 });
    const two = serving([gone, { ...gone, id: "gone-too" }, { ...gone, id: "gone-three" }], { limits });
    expect(await two.invoke(invocation())).toMatchObject({ kind: "model-error", status: 0 });
    // once more after the wait
    expect(two.failures).toHaveLength(4);
    expect(two.inFlight("fleet-1")).toBe(0);
  });

  test("a request that was sent is never sent again", async () => {
    const breaks = keep(await rawInstance((socket) => void socket.destroy()));
    const other = keep(await rawInstance((socket) => void socket.destroy()));
    expect(await serving([breaks.route, other.route]).invoke(invocation())).toMatchObject({ status: 0 });
    expect(breaks.seen.length + other.seen.length).toBe(1);
  });

  test("F30: a crash on one request leaves the next ones alone", async () => {
    let count = 0;
    const instance = keep(
      await rawInstance((socket) => {
        if (++count === 3) socket.destroy();
        else socket.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
      }),
    );
    const dataPlane = serving([instance.route]);
    const kinds = [];
    for (let i = 0; i < 5; i++) kinds.push((await dataPlane.invoke(invocation())).kind);
    expect(kinds).toEqual(["answered", "answered", "model-error", "answered", "answered"]);
  });

  test("F19: a model that never answers times out in AWS's words, and its slot is free", async () => {
    const clock = new FakeClock();
    const instance = keep(await httpInstance(() => {}));
    const dataPlane = serving([instance.route], { clock });
    const waiting = dataPlane.invoke(invocation());
    await until(() => instance.seen.length === 1);
    await clock.advance(59_999);
    expect(dataPlane.inFlight("fleet-1")).toBe(1);
    await clock.advance(10);
    expect(await waiting).toEqual({
      kind: "model-error",
      variant: "primary",
      status: 0,
      message:
        "Your invocation timed out while waiting for a response from container primary. Review the latency metrics for each container in Amazon CloudWatch, resolve the issue, and try again.",
    });
    expect(dataPlane.failures).toEqual([`${instance.route.id} timed-out`]);
    expect(dataPlane.inFlight("fleet-1")).toBe(0);
    await until(() => instance.sockets.size === 0);
  });

  test("F23: a client that goes away frees the slot and the instance hears of it; others go on", async () => {
    const held: ServerResponse[] = [];
    const instance = keep(await httpInstance((_request, _body, reply) => held.push(reply)));
    const dataPlane = serving([instance.route]);
    const client = new AbortController();
    const cancelled = dataPlane.invoke(invocation({ signal: client.signal }));
    await until(() => held.length === 1);
    const other = dataPlane.invoke(invocation());
    await until(() => held.length === 2);
    client.abort();
    expect(await cancelled).toEqual({ kind: "cancelled" });
    expect(dataPlane.inFlight("fleet-1")).toBe(1);
    if (!held[0]!.destroyed) await once(held[0]!, "close");
    held[1]!.end("fine");
    expect(await other).toMatchObject({ kind: "answered" });
    expect(dataPlane.failures).toEqual([]);
    expect(await dataPlane.invoke(invocation({ signal: client.signal }))).toEqual({ kind: "cancelled" });
  });
});

describe("streams", () => {
  test("chunks arrive as they are sent", async () => {
    const held: ServerResponse[] = [];
    const instance = keep(await httpInstance((_request, _body, reply) => held.push(reply)));
    const dataPlane = serving([instance.route]);
    const waiting = dataPlane.invokeStreaming(invocation());
    await until(() => held.length === 1);
    held[0]!.write("one");
    const outcome = answered(await waiting);
    const chunks = outcome.body[Symbol.asyncIterator]();
    expect(text((await chunks.next()).value as Uint8Array)).toBe("one");
    held[0]!.write("two");
    expect(text((await chunks.next()).value as Uint8Array)).toBe("two");
    expect(dataPlane.inFlight("fleet-1")).toBe(1);
    held[0]!.end();
    expect((await chunks.next()).done).toBe(true);
    expect(dataPlane.inFlight("fleet-1")).toBe(0);
  });

  test("F22: one that breaks off ends as StreamBroken, after what came before", async () => {
    const instance = keep(
      await httpInstance((_request, _body, reply) => reply.write("part", () => reply.socket!.destroy())),
    );
    const dataPlane = serving([instance.route]);
    const outcome = answered(await dataPlane.invokeStreaming(invocation()));
    const chunks = outcome.body[Symbol.asyncIterator]();
    expect(text((await chunks.next()).value as Uint8Array)).toBe("part");
    await expect(chunks.next()).rejects.toMatchObject({ name: "StreamFailure", errorCode: "StreamBroken" });
    expect(dataPlane.failures).toEqual([`${instance.route.id} broken`]);
    expect(dataPlane.inFlight("fleet-1")).toBe(0);
  });

  test("F21: one that stalls ends as ModelInvocationTimeExceeded; one that keeps talking does not", async () => {
    const clock = new FakeClock();
    const held: ServerResponse[] = [];
    const instance = keep(
      await httpInstance((_request, _body, reply) => {
        held.push(reply);
        reply.write("first");
      }),
    );
    const dataPlane = serving([instance.route], { clock });
    const outcome = answered(await dataPlane.invokeStreaming(invocation()));
    const chunks = outcome.body[Symbol.asyncIterator]();
    await chunks.next();
    for (let i = 0; i < 3; i++) {
      const next = chunks.next();
      await clock.advance(59_000);
      held[0]!.write("more");
      await next;
    }
    const stalled = chunks.next().catch((error: unknown) => error);
    await clock.advance(60_001);
    expect(await stalled).toMatchObject({ errorCode: "ModelInvocationTimeExceeded" });
    expect(dataPlane.failures).toEqual([`${instance.route.id} timed-out`]);
    await until(() => instance.sockets.size === 0);
  });

  test("F24: a reader that is slow slows the model; nothing piles up", async () => {
    let sent = 0;
    const instance = keep(
      await httpInstance((_request, _body, reply) => flood(reply, 1000, () => void sent++)),
    );
    const outcome = answered(await serving([instance.route]).invokeStreaming(invocation()));
    let settled = -1;
    for (let turns = 0; turns < 200; turns++) {
      await new Promise((resolve) => setImmediate(resolve));
      settled = sent;
    }
    expect(settled).toBeLessThan(100); // 6.4 MB of 64: kernel and socket buffers on the way
    let size = 0;
    for await (const chunk of outcome.body) size += chunk.byteLength;
    expect(size).toBe(1000 * 64 * 1024);
  });

  test("a reader that leaves early frees the slot, and the instance hears of it", async () => {
    const instance = keep(await httpInstance((_request, _body, reply) => void reply.write("x")));
    const dataPlane = serving([instance.route]);
    const outcome = answered(await dataPlane.invokeStreaming(invocation()));
    for await (const _ of outcome.body) break;
    expect(dataPlane.inFlight("fleet-1")).toBe(0);
    await until(() => instance.sockets.size === 0);

    const client = new AbortController();
    await dataPlane.invokeStreaming(invocation({ signal: client.signal }));
    expect(dataPlane.inFlight("fleet-1")).toBe(1);
    client.abort();
    expect(dataPlane.inFlight("fleet-1")).toBe(0);
    await until(() => instance.sockets.size === 0);
    expect(dataPlane.failures).toEqual([]);
  });

  test("a whole stream can be read", async () => {
    const instance = keep(await httpInstance(echo));
    const outcome = await serving([instance.route]).invokeStreaming(invocation());
    expect(outcome.kind === "answered" && (await read(outcome.body))).toBe("1,2,3");
  });
});
