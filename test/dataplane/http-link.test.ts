import type { Socket } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { DeadlineList } from "../../src/dataplane/deadlines.ts";
import { HttpLink, KEEP_ALIVE_MS } from "../../src/dataplane/http-link.ts";
import type { InstanceEvents } from "../../src/dataplane/instance-link.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { instanceLinkContract } from "../contracts/instance-link.ts";
import { echo, httpInstance, rawInstance, type TestInstance } from "./test-instance.ts";

const open: AsyncDisposable[] = [];
afterEach(async () => {
  for (const one of open.splice(0).toReversed()) await one[Symbol.asyncDispose]();
});

function linkTo(instance: TestInstance) {
  const clock = new FakeClock();
  const link = new HttpLink(instance.route.address, new DeadlineList(clock, KEEP_ALIVE_MS));
  open.push(instance, { [Symbol.asyncDispose]: async () => link.close() });
  return { link, clock };
}

/** Sends a request and tells what was heard, or the reason of the failure. */
function ask(link: HttpLink, body = "hello", headers: readonly string[] = []): Promise<string> {
  return new Promise((resolve) => {
    let heard = "";
    const events: InstanceEvents = {
      onHead: (status) => (heard += `${status} `),
      onData: (chunk) => (heard += Buffer.from(chunk).toString("latin1")),
      onEnd: () => resolve(heard),
      onFailure: (sent, reason) => resolve(`${sent ? "sent" : "not sent"}: ${reason}`),
    };
    link.send({ method: "POST", path: "/invocations", headers, body: Buffer.from(body) }, events);
  });
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

instanceLinkContract("HttpLink", async (handler) => {
  const instance = await httpInstance((request, body, reply) => {
    reply.on("close", () => {
      if (!reply.writableFinished) gone.get(reply)?.();
    });
    const { method, url, headers } = request;
    const given = headers as Record<string, string | undefined>;
    handler(
      { method: method!, path: url!, headers: given, body },
      {
        head: (status, fields) => reply.writeHead(status, fields).flushHeaders(),
        data: (chunk) => reply.write(chunk),
        onDrain: (go) => reply.once("drain", go),
        end: () => reply.end(),
        onGone: (told) => gone.set(reply, told),
      },
    );
  });
  const gone = new WeakMap<object, () => void>();
  const link = new HttpLink(instance.route.address, new DeadlineList(new FakeClock(), KEEP_ALIVE_MS));
  return {
    link,
    kill: () => instance.kill(),
    async [Symbol.asyncDispose]() {
      link.close();
      await instance[Symbol.asyncDispose]();
    },
  };
});

describe("HttpLink", () => {
  test.each([
    ["by its length", "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"],
    ["in chunks", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"],
  ])("an answer %s may come byte by byte, and the connection is used again", async (_how, bytes) => {
    const byteByByte = async (socket: Socket) => {
      for (const byte of bytes) {
        socket.write(byte);
        await turn();
      }
    };
    const instance = await rawInstance((socket) => void byteByByte(socket));
    const { link } = linkTo(instance);
    expect([await ask(link), await ask(link)]).toEqual(["200 hello", "200 hello"]);
    expect(instance.sockets.size).toBe(1);
  });

  test("each of the requests of one moment has a connection of its own", async () => {
    const instance = await httpInstance(echo);
    const { link } = linkTo(instance);
    expect(await Promise.all(["a", "b", "c"].map((body) => ask(link, body)))).toEqual([
      "200 a",
      "200 b",
      "200 c",
    ]);
    expect(instance.sockets.size).toBe(3);
  });

  test("a connection that is idle for too long is closed", async () => {
    const instance = await httpInstance(echo);
    const { link, clock } = linkTo(instance);
    await ask(link);
    await clock.advance(KEEP_ALIVE_MS - 1);
    expect(instance.sockets.size).toBe(1);
    const [first] = instance.sockets;
    const closed = new Promise((resolve) => first!.on("close", resolve));
    await clock.advance(10);
    expect(await ask(link)).toBe("200 hello"); // on another one, though the first is not closed down yet
    await closed;
  });

  test("a connection that the instance ended while it was idle is not used", async () => {
    const instance = await httpInstance(echo);
    const { link } = linkTo(instance);
    await ask(link);
    for (const socket of instance.sockets) socket.end();
    while (instance.sockets.size > 0) await turn();
    expect(await ask(link)).toBe("200 hello");
  });

  test("a value that would end its line early is never sent", async () => {
    const instance = await httpInstance(echo);
    const { link } = linkTo(instance);
    const smuggled = ["x", "1\r\ncontent-length: 0\r\n\r\nGET /ping HTTP/1.1"];
    expect(await ask(link, "hello", smuggled)).toMatch(/^not sent: /);
    expect(instance.seen).toEqual([]);
  });

  test.each([
    ["by its length", "content-length: 5\r\n\r\nfirst"],
    ["in chunks", "transfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n0\r\n\r\n"],
    ["to its end", "connection: close\r\n\r\nfirst"],
  ])("what an answer %s brought stays as it is when another is read", async (_how, rest) => {
    const { link } = linkTo(await rawInstance((socket) => socket.end(`HTTP/1.1 200 OK\r\n${rest}`)));
    const kept: Uint8Array[] = [];
    const ended = Promise.withResolvers<void>();
    const keeps: InstanceEvents = {
      onHead() {},
      onData: (chunk) => kept.push(chunk),
      onEnd: () => ended.resolve(),
      onFailure: (_sent, reason) => ended.reject(new Error(reason)),
    };
    link.send({ method: "POST", path: "/", headers: [], body: Buffer.from("a") }, keeps);
    await ended.promise;
    const { link: other } = linkTo(await httpInstance(echo));
    expect(await ask(other, "x".repeat(1000))).toHaveLength(1004);
    expect(Buffer.concat(kept).toString()).toBe("first");
  });

  test("a request whose answer is over has no hold on the connection any more", async () => {
    const { link } = linkTo(await httpInstance(echo));
    const ended = Promise.withResolvers<void>();
    const nothing: InstanceEvents = {
      onHead() {},
      onData() {},
      onEnd: () => ended.resolve(),
      onFailure: (_sent, reason) => ended.reject(new Error(reason)),
    };
    const request = { method: "POST", path: "/", headers: [], body: Buffer.from("a") } as const;
    const over = link.send(request, nothing);
    await ended.promise;
    const next = ask(link, "b");
    await turn();
    over.pause();
    over.abort();
    expect(await next).toBe("200 b");
  });
});
