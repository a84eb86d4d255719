import { EventEmitter, once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import {
  createListener,
  Crowd,
  type Listener,
  type ListenerLimits,
  type RequestHandler,
} from "../../src/wire/listener.ts";

const open: Listener[] = [];
afterEach(async () => {
  for (const listener of open.splice(0)) await listener[Symbol.asyncDispose]();
});

async function start(
  handler: RequestHandler,
  limits: Partial<ListenerLimits> = {},
): Promise<[Listener, number]> {
  const listener = createListener(handler, { clock: systemClock, limits });
  open.push(listener);
  const { port } = await listener.listen(0, "127.0.0.1");
  return [listener, port];
}

/** Sends raw bytes and resolves with all that comes back until the server closes. */
function exchange(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(text, "latin1"));
    let answer = "";
    socket.setEncoding("latin1").on("data", (chunk: string) => (answer += chunk));
    socket.on("close", () => resolve(answer));
    socket.on("error", (error: NodeJS.ErrnoException) =>
      error.code === "ECONNRESET" ? resolve(answer) : reject(error),
    );
  });
}

const head = (...lines: string[]) => `GET / HTTP/1.1\r\n${lines.map((line) => `${line}\r\n`).join("")}\r\n`;

describe("a request that two readers could read differently", () => {
  test.each([
    ["two hosts", head("Host: a", "Host: b"), 400],
    ["two Authorization fields", head("Host: a", "Authorization: x", "authorization: y"), 400],
    ["two x-amz fields", head("Host: a", "x-amz-date: 1", "X-Amz-Date: 2"), 400],
    ["two lengths", head("Host: a", "Content-Length: 1", "Content-Length: 2"), 400],
    ["a length and chunks", head("Host: a", "Content-Length: 1", "Transfer-Encoding: chunked"), 400],
    ["an unknown coding", head("Host: a", "Transfer-Encoding: xchunked"), 400],
    ["an absolute target", "GET http://evil.example/ HTTP/1.1\r\nHost: a\r\n\r\n", 400],
    ["an asterisk", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 400],
    ["no host", "GET / HTTP/1.1\r\n\r\n", 400],
    ["a bare carriage return", "GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n", 400],
    ["a NUL", "GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n", 400],
    ["101 fields", head("Host: a", ...Array.from({ length: 100 }, (_, i) => `x-${i}: 1`)), 400],
    ["20 KB of fields", head("Host: a", `x: ${"y".repeat(20_000)}`), 431],
    ["an HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400],
    ["a TLS hello", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400],
    ["another expectation", head("Host: a", "Expect: a-miracle"), 400],
  ])("%s: refused, and the connection closed", async (_, text, status) => {
    let served = 0;
    const [, port] = await start(async (_message, reply) => {
      served++;
      reply.end("served");
    });
    const answer = await exchange(port, `${text}GET /second HTTP/1.1\r\nHost: a\r\n\r\n`);
    expect(answer.slice(0, 12)).toBe(`HTTP/1.1 ${status}`);
    expect(answer.match(/HTTP\/1\.1 \d/g)).toHaveLength(1);
    expect(served).toBe(0);
  });

  test("100 fields are fine", async () => {
    const [, port] = await start(async (_message, reply) => void reply.end("served"));
    const text = head("Host: a", "Connection: close", ...Array.from({ length: 98 }, (_, i) => `x-${i}: 1`));
    expect(await exchange(port, text)).toContain("served");
  });
});

describe("a slow client", () => {
  test("is cut while it sends its headers", async () => {
    const [, port] = await start(async (_message, reply) => void reply.end(), {
      headersTimeoutMs: 200,
      checkIntervalMs: 50,
    });
    expect(await exchange(port, "GET / HTTP/1.1\r\nHost: a\r\n")).toMatch(/^HTTP\/1\.1 408/);
  });

  test("is cut while it sends its body", async () => {
    const [, port] = await start(
      async (message, reply) => {
        for await (const _ of message) continue;
        reply.end();
      },
      { headersTimeoutMs: 100, requestTimeoutMs: 200, checkIntervalMs: 50 },
    );
    expect(await exchange(port, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc")).toMatch(
      /^HTTP\/1\.1 408|^$/,
    );
  });
});

test.skipIf(!existsSync("/proc/net/tcp"))(
  "F27: silent connections are probed, so that one whose other end is gone does not stay (needs Linux)",
  async () => {
    const [listener, port] = await start(async (_message, reply) => void reply.end("served"), {
      probeAfterMs: 2000,
    });
    const accepted = once(listener.server, "connection");
    const socket = connect(port, "127.0.0.1");
    await accepted;
    // columns: slot, local, remote, state, queues, timer (02: keepalive):when
    const hex = `0100007F:${port.toString(16).toUpperCase().padStart(4, "0")}`;
    const established = readFileSync("/proc/net/tcp", "utf8")
      .split("\n")
      .map((line) => line.trim().split(/ +/))
      .filter((columns) => columns[1] === hex && columns[3] === "01");
    expect(established.map((columns) => columns[5]!.slice(0, 2))).toEqual(["02"]);
    socket.destroy();
  },
);

describe("one address", () => {
  const socketOf = (remoteAddress: string) => {
    const socket = Object.assign(new EventEmitter(), {
      remoteAddress,
      cut: false,
      destroy: () => (socket.cut = true),
    });
    return socket as typeof socket & Pick<Socket, "remoteAddress" | "destroy" | "once">;
  };

  test("has so many connections and no more, until some are closed", () => {
    const crowd = new Crowd(2);
    const sockets = ["192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.2"].map(socketOf);
    for (const socket of sockets) crowd.admit(socket);
    expect(sockets.map(({ cut }) => cut)).toEqual([false, false, true, false]);
    sockets[0]!.emit("close");
    const later = ["192.0.2.1", "192.0.2.1"].map(socketOf);
    for (const socket of later) crowd.admit(socket);
    expect(later.map(({ cut }) => cut)).toEqual([false, true]);
  });

  test("is not counted on loopback", () => {
    const crowd = new Crowd(1);
    const sockets = ["127.0.0.1", "127.0.0.1", "::1", "::1", "::ffff:127.0.0.1"].map(socketOf);
    for (const socket of sockets) crowd.admit(socket);
    expect(sockets.some(({ cut }) => cut)).toBe(false);
  });
});

describe("draining", () => {
  test("lets a request end, and accepts no other", async () => {
    const { promise: release, resolve: finish } = Promise.withResolvers<void>();
    const { promise: arrived, resolve: arrive } = Promise.withResolvers<void>();
    const [listener, port] = await start(async (_message, reply) => {
      arrive();
      await release;
      reply.end("done");
    });
    const answer = exchange(port, head("Host: a"));
    await arrived;
    const drained = listener.drain(10_000);
    await expect(exchange(port, head("Host: a"))).rejects.toThrow("ECONNREFUSED");
    finish();
    expect(await answer).toContain("done");
    await drained;
  });

  test("lets a large answer reach a client that reads slowly", async () => {
    const [listener, port] = await start(async (_message, reply) => {
      reply.end(Buffer.alloc(32 << 20, "x"));
    });
    const socket = connect(port, "127.0.0.1").pause();
    socket.write(head("Host: a"));
    await new Promise((resolve) => setTimeout(resolve, 50));
    const drained = listener.drain(20_000);
    let bytes = 0;
    for await (const chunk of socket) bytes += (chunk as Buffer).length;
    expect(bytes).toBeGreaterThan(32 << 20);
    await drained;
  });

  test("cuts what does not end in time", async () => {
    const { promise: arrived, resolve: arrive } = Promise.withResolvers<void>();
    const [listener, port] = await start(() => {
      arrive();
      return new Promise(() => {});
    });
    const answer = exchange(port, head("Host: a"));
    await arrived;
    await listener.drain(20);
    expect(await answer).toBe("");
  });
});

test("a port in use is an error", async () => {
  const [, port] = await start(async () => {});
  const listener = createListener(async () => {}, { clock: systemClock });
  await expect(listener.listen(port, "127.0.0.1")).rejects.toMatchObject({ code: "EADDRINUSE" });
});
