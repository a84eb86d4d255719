import { connect, type Socket } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { systemClock } from "../../../src/base/clock.ts";
import type { PlainExchange } from "../../../src/wire/fast-path/plain-exchange.ts";
import { collect } from "../../../src/wire/http.ts";
import { createListener, type Listener, type ListenerLimits } from "../../../src/wire/listener.ts";

const open: AsyncDisposable[] = [];
afterEach(async () => {
  for (const one of open.splice(0).toReversed()) await one[Symbol.asyncDispose]();
});

const STALL_MS = 200;
/** More than the kernel keeps for both ends. */
const LARGE = Buffer.alloc(16 << 20, "x");

interface Started {
  readonly listener: Listener;
  readonly port: number;
  /** Bodies, by the way on which they came. */
  readonly past: string[];
  readonly http: string[];
}

/** Answers with the body and the way on which it came. */
async function start(
  answer: (exchange: PlainExchange) => Promise<void> | void = (exchange) => say(exchange),
  limits: Partial<ListenerLimits> = {},
  isPlain = true,
): Promise<Started> {
  const past: string[] = [];
  const http: string[] = [];
  const plain = {
    takes: (target: string) => target.startsWith("/plain"),
    async answer(exchange: PlainExchange) {
      past.push(exchange.request.bytes.toString("latin1"));
      await answer(exchange);
    },
  };
  const listener = createListener(
    async (message, reply) => {
      const body = await collect(message);
      http.push(body.toString("latin1"));
      if (message.url === "/slow") await pause(1200);
      reply.end(`${message.method} ${message.url} ${body.toString("latin1")}`);
    },
    { clock: systemClock, limits, plain: isPlain ? plain : undefined },
  );
  open.push(listener);
  const { port } = await listener.listen(0, "127.0.0.1");
  return { listener, port, past, http };
}

function say(exchange: PlainExchange, body: Buffer = exchange.request.bytes): void {
  exchange.reply(200, ["x-way", "past"], body, STALL_MS);
}

/** A connection that keeps all that it gets. */
class Client {
  readonly socket: Socket;
  text = "";
  readonly closed: Promise<string>;

  constructor(port: number) {
    this.socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    this.socket.setEncoding("latin1").on("data", (chunk: string) => (this.text += chunk));
    this.socket.on("error", () => {}).on("end", () => this.socket.end());
    this.closed = new Promise((resolve) => this.socket.on("close", () => resolve(this.text)));
  }

  write(text: string): void {
    this.socket.write(text, "latin1");
  }

  /** Resolves when so many answers have come. */
  async answers(count: number): Promise<string[]> {
    await until(() => bodies(this.text).length >= count);
    return bodies(this.text);
  }
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1));
}
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** The bodies of answers that are there as a whole. */
function bodies(text: string): string[] {
  const found: string[] = [];
  for (let at = 0; at < text.length;) {
    const end = text.indexOf("\r\n\r\n", at) + 4;
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(text.slice(at, end))?.[1]);
    if (end < 4 || !(text.length >= end + length)) break;
    found.push(text.slice(end, (at = end + length)));
  }
  return found;
}

const post = (body: string, lines = "", target = "/plain") =>
  `POST ${target} HTTP/1.1\r\nhost: a\r\n${lines}content-length: ${body.length}\r\n\r\n${body}`;

describe("plain requests", () => {
  test("one after the other on a connection never meet node:http", async () => {
    const { port, past, http } = await start();
    const client = new Client(port);
    for (const [at, body] of ["one", "", "\0\xff three"].entries()) {
      client.write(post(body));
      expect((await client.answers(at + 1)).at(-1)).toBe(body);
    }
    expect([past, http]).toEqual([["one", "", "\0\xff three"], []]);
    expect(client.text).toMatch(
      /^HTTP\/1\.1 200 OK\r\nx-way: past\r\ncontent-length: 3\r\nDate: \w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT\r\nConnection: keep-alive\r\nKeep-Alive: timeout=65\r\n\r\none/,
    );
  });

  test("in a few pieces, as clients send head and body apart", async () => {
    const { port, past, http } = await start();
    const client = new Client(port);
    const text = post("x".repeat(1000));
    for (const piece of [text.slice(0, 10), text.slice(10, -900), text.slice(-900)]) {
      client.write(piece);
      await pause(10);
    }
    expect(await client.answers(1)).toEqual(["x".repeat(1000)]);
    expect([past.length, http.length]).toEqual([1, 0]);
  });

  test("of which each byte comes for itself are node:http's", async () => {
    const { port, past, http } = await start();
    const client = new Client(port);
    client.socket.setNoDelay(true);
    for (const byte of post("x")) {
      client.write(byte);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await client.answers(1)).toEqual(["POST /plain x"]);
    expect([past.length, http.length]).toEqual([0, 1]);
  });

  test("a bug in what answers costs the client its connection", async () => {
    const { port } = await start(() => Promise.reject(new Error("a bug")));
    const client = new Client(port);
    client.write(post("x"));
    expect(await client.closed).toBe("");
  });

  test("an answer that would hold a line's end in a header is never sent", async () => {
    const { port } = await start((exchange) =>
      exchange.reply(200, ["x", "a\r\nb: c"], Buffer.alloc(0), STALL_MS),
    );
    const client = new Client(port);
    client.write(post("x"));
    expect(await client.closed).toBe("");
  });
});

describe("all else is heard and answered as without a fast path", () => {
  const NEXT = post("next");
  test.each<[string, string]>([
    ["a GET", "GET /plain HTTP/1.1\r\nhost: a\r\n\r\n"],
    ["another target", post("x", "", "/elsewhere")],
    ["an absolute target", post("x", "", "http://a/plain")],
    ["a length and chunks", post("x", "transfer-encoding: chunked\r\n")],
    ["chunks", "POST /plain HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"],
    ["two lengths", post("x", "content-length: 1\r\n")],
    ["two different lengths", post("x", "content-length: 2\r\n")],
    ["a length with a sign", "POST /plain HTTP/1.1\r\nhost: a\r\ncontent-length: +1\r\n\r\nx"],
    ["two hosts", post("x", "Host: b\r\n")],
    ["no host", "POST /plain HTTP/1.1\r\ncontent-length: 1\r\n\r\nx"],
    ["two fields of a signature", post("x", "x-amz-date: 1\r\nX-Amz-Date: 2\r\n")],
    ["a folded line", post("x", "x: a\r\n b\r\n")],
    ["a NUL", post("x", "x: a\0b\r\n")],
    ["a bare CR", post("x", "x: a\rb\r\n")],
    ["a bare LF", post("x", "x: a\nb: c\r\n")],
    ["a name that is none", post("x", "a b: c\r\n")],
    ["a blank before a colon", post("x", "x : c\r\n")],
    ["HTTP/1.0", post("x").replace("HTTP/1.1", "HTTP/1.0")],
    ["HTTP/1.0 that stays", post("x", "connection: keep-alive\r\n").replace("HTTP/1.1", "HTTP/1.0")],
    ["HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
    ["a TLS hello", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"],
    ["a last request", post("x", "connection: close\r\n")],
    ["an upgrade", post("x", "connection: upgrade\r\nupgrade: h2c\r\n")],
    ["an expectation", post("x", "expect: 100-continue\r\n")],
    ["another expectation", post("x", "expect: a-miracle\r\n")],
    ["a line before the request", `\r\n${post("x")}`],
    ["101 fields", post("x", Array.from({ length: 99 }, (_, at) => `x-${at}: 1\r\n`).join(""))],
    ["20 KB of fields", post("x", `x: ${"y".repeat(20_000)}\r\n`)],
    ["pipelined requests", post("x") + post("y") + post("z")],
    ["a request with nonsense behind it", `${post("x")}nonsense\r\n\r\n`],
    ["a long body", post("x".repeat(70_000))],
  ])("%s", async (_what, text) => {
    const both = await start();
    const without = await start(undefined, {}, false);
    const answers = await Promise.all(
      [both, without].map(async ({ port }) => {
        const client = new Client(port);
        client.write(text);
        await pause(30);
        client.write(NEXT);
        await pause(30);
        client.socket.destroy();
        return (await client.closed).replace(/\r\nDate: [^\r]*/g, "");
      }),
    );
    expect(answers[0]).toBe(answers[1]);
    expect([both.past, both.http]).toEqual([[], without.http]);
  });

  test("a connection stays with node:http once it has it", async () => {
    const { port, past, http } = await start();
    const client = new Client(port);
    for (const [at, text] of [post("one"), "GET / HTTP/1.1\r\nhost: a\r\n\r\n", post("two")].entries()) {
      client.write(text);
      await client.answers(at + 1);
    }
    expect(bodies(client.text)).toEqual(["one", "GET / ", "POST /plain two"]);
    expect([past, http]).toEqual([["one"], ["", "two"]]);
  });

  test("and has as much time there as any other", async () => {
    const { port } = await start(undefined, { keepAliveTimeoutMs: 1 });
    const client = new Client(port);
    client.write(post("one"));
    await client.answers(1);
    client.write(post("two", "", "/slow"));
    expect(await client.answers(2)).toEqual(["one", "POST /slow two"]);
  });

  test("what follows a request before it is answered waits for that", async () => {
    const held: PlainExchange[] = [];
    const { port, past, http } = await start((exchange) => void held.push(exchange));
    const client = new Client(port);
    client.write(post("one"));
    await until(() => held.length === 1);
    client.write(post("two") + post("three"));
    await pause(30);
    expect(http).toEqual([]);
    say(held[0]!);
    expect(await client.answers(3)).toEqual(["one", "POST /plain two", "POST /plain three"]);
    expect(past).toEqual(["one"]);
  });
});

describe("slow clients are cut as node:http cuts them", () => {
  const limits = { headersTimeoutMs: 200, requestTimeoutMs: 400, checkIntervalMs: 50 };
  test.each([
    ["who say nothing", ""],
    ["who begin a head", "POST /plain HTTP/1.1\r\nhost: a\r\n"],
    ["who begin a body", post("12345").slice(0, -2)],
    ["who begin another request", `${post("x")}POST /pl`],
  ])("%s", async (_what, text) => {
    const { port, past } = await start(undefined, limits);
    const client = new Client(port);
    client.write(text);
    expect(await client.closed).toMatch(/HTTP\/1\.1 408 Request Timeout\r\nconnection: close\r\n/);
    expect(past).toEqual([]);
  });

  test("who begin another request after an answer", async () => {
    const { port, past } = await start(undefined, limits);
    const client = new Client(port);
    client.write(post("x"));
    await client.answers(1);
    client.write("POST /pl");
    expect(await client.closed).toMatch(/\r\n\r\nxHTTP\/1\.1 408 /);
    expect(past).toEqual(["x"]);
  });

  test("who keep a connection for nothing", async () => {
    const { port } = await start(undefined, { keepAliveTimeoutMs: 1 });
    const client = new Client(port);
    client.write(post("x"));
    expect(await client.closed).toMatch(/\r\n\r\nx$/);
  });

  test("who read nothing of their answer", async () => {
    const { port } = await start((exchange) => say(exchange, LARGE));
    const client = new Client(port);
    client.socket.pause();
    client.write(post("x"));
    await pause(3 * STALL_MS);
    client.socket.resume();
    expect((await client.closed).length).toBeLessThan(LARGE.length);
  });

  test("but not who read slowly, nor who wait for a model", async () => {
    const { port, past } = await start(
      async (exchange) => {
        await pause(1300);
        say(exchange, LARGE);
      },
      { keepAliveTimeoutMs: 1 },
    );
    const client = new Client(port);
    client.write(post("x"));
    await until(() => client.text !== "");
    client.socket.pause();
    await pause(STALL_MS / 2);
    client.socket.resume();
    expect((await client.answers(1))[0]).toHaveLength(LARGE.length);
    client.write(post("y"));
    await client.answers(2);
    expect(past).toEqual(["x", "y"]);
  });
});

describe("clients that leave", () => {
  test.each([
    ["at once", (socket: Socket) => socket.destroy()],
    ["by saying that they send no more", (socket: Socket) => void socket.end()],
  ])("%s: the request hears of it", async (_what, leave) => {
    const held: PlainExchange[] = [];
    const { port, listener } = await start((exchange) => void held.push(exchange));
    const client = new Client(port);
    client.write(post("x"));
    await until(() => held.length === 1);
    const heard = new Promise<void>((handleEvent) => held[0]!.addEventListener("abort", { handleEvent }));
    leave(client.socket);
    await heard;
    expect(held[0]!.aborted).toBe(true);
    say(held[0]!);
    expect(await client.closed).toBe("");
    await listener.drain(60_000); // nothing is in flight
  });

  test("in the middle of a request are told as node:http tells them", async () => {
    const { port, past, http } = await start();
    const client = new Client(port);
    client.write(post("123").slice(0, -1));
    client.socket.end();
    expect(await client.closed).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
    expect([past, http]).toEqual([[], []]);
  });
});

describe("draining", () => {
  test("lets a request end, closes what is idle, and hears nothing more past node:http", async () => {
    const held: PlainExchange[] = [];
    const { port, past, http, listener } = await start((exchange) =>
      exchange.request.bytes.length ? void held.push(exchange) : say(exchange),
    );
    const [idle, busy, late] = [new Client(port), new Client(port), new Client(port)];
    idle.write(post(""));
    late.write(post(""));
    await Promise.all([idle.answers(1), late.answers(1)]);
    busy.write(post("busy"));
    await until(() => held.length === 1);
    const drained = listener.drain(60_000);
    late.write(post("late"));
    expect((await late.answers(2))[1]).toBe("POST /plain late");
    expect(late.text.toLowerCase()).toContain("connection: close");
    say(held[0]!);
    await drained;
    expect(bodies(await busy.closed)).toEqual(["busy"]);
    await Promise.all([idle.closed, late.closed]);
    expect([past, http]).toEqual([["", "", "busy"], ["late"]]);
  });

  test("waits for the last byte of an answer", async () => {
    const { port, past, listener } = await start((exchange) => say(exchange, LARGE));
    const client = new Client(port);
    client.socket.pause();
    client.write(post("x"));
    await until(() => past.length === 1);
    const drained = listener.drain(60_000);
    await pause(20);
    client.socket.resume();
    await drained;
    expect(bodies(await client.closed)[0]).toHaveLength(LARGE.length);
  });

  test("cuts what does not end in time", async () => {
    const { port, past, listener } = await start(() => {});
    const client = new Client(port);
    client.write(post("x"));
    await until(() => past.length === 1);
    await listener.drain(20);
    expect(await client.closed).toBe("");
  });
});
