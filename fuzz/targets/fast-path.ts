/** Connections on the fast path: whatever comes on them is heard and answered as node:http alone hears and answers it. */
import { Duplex } from "node:stream";
import { setImmediate } from "node:timers/promises";
import { readPlainHead } from "../../src/wire/fast-path/plain-head.ts";
import type { PlainService } from "../../src/wire/fast-path/plain-exchange.ts";
import { collect } from "../../src/wire/http.ts";
import { createListener } from "../../src/wire/listener.ts";
import { FakeClock } from "../../test/support/fake-clock.ts";
import { cut } from "../cuts.ts";
import { type FuzzTarget, Finding, same } from "../target.ts";

const clock = new FakeClock();
/** How many requests went past node:http. */
let past = 0;
const plain: PlainService = {
  takes: (target) => target.startsWith("/endpoints/"),
  async answer(exchange) {
    past++;
    const { method, path, headers, bytes } = exchange.request;
    if (bytes.length % 2) await Promise.resolve();
    exchange.reply(200, ["x-heard", heard(method, path, headers)], bytes, 1000);
  },
};
const listener = (service?: PlainService) =>
  createListener(
    async (message, reply) => {
      const body = await collect(message);
      const { method = "", url = "", headers } = message;
      const fields = ["x-heard", heard(method, url, headers), "content-length", String(body.length)];
      reply.writeHead(200, fields).end(body);
    },
    { clock, plain: service },
  );
const [BOTH, HTTP] = [listener(plain), listener()];

function heard(method: string, url: string, headers: Readonly<Record<string, unknown>>): string {
  return encodeURIComponent(JSON.stringify([method, url, headers]));
}

const LINES = "host: a\r\ncontent-type: text/csv\r\nx-amz-date: 20260102T030405Z\r\n";
const one = (lines: string, body: string, target = "/endpoints/tide/invocations") =>
  `POST ${target} HTTP/1.1\r\n${lines}\r\n${body}`;
/** What a smuggled request would be hidden by, or found by. */
const LAST = "GET /last HTTP/1.1\r\nhost: b\r\n\r\n";

export const target: FuzzTarget = {
  seeds: [
    one(`${LINES}content-length: 3\r\n`, "1,2"),
    one(`${LINES}Content-Length: 0\r\nConnection: Keep-Alive\r\n`, "") +
      one(`${LINES}content-length: 1\r\n`, "x"),
    one(`${LINES}content-length: 1\r\n`, "x") +
      one(`${LINES}content-length: 2\r\n`, "yy", "/elsewhere") +
      LAST,
    one(`${LINES}transfer-encoding: chunked\r\n`, "3\r\n1,2\r\n0\r\n\r\n") +
      one(`${LINES}content-length: 1\r\n`, "x"),
    one(`${LINES}content-length: 3\r\nexpect: 100-continue\r\n`, "1,2"),
    one(`${LINES}content-length: 3\r\nconnection: close\r\n`, "1,2") + LAST,
    one(`${LINES}content-length: 3\r\nContent-Length: 3\r\n`, "1,2"),
    one(`${LINES}content-length: 3\r\nx: a\r\n b\r\n`, "1,2"),
    one("content-length: 3\r\n", "1,2"),
    `POST /endpoints/tide/invocations HTTP/1.0\r\n${LINES}content-length: 1\r\n\r\nx`,
    LAST,
  ],
  dictionary: [
    "\r\n",
    "\r\n\r\n",
    "\n\n",
    "\0",
    "\t",
    " ",
    ":",
    "HTTP/1.1",
    "HTTP/1.0",
    "content-length: ",
    "transfer-encoding: chunked",
    "host: a",
    "connection: ",
    "close",
    "keep-alive",
    "upgrade",
    "expect: 100-continue",
    "+1",
    "0x1",
    "01",
    ", ",
    "POST ",
    "GET ",
    "http://a/",
    "constructor: 1",
    "set-cookie: 1",
    "te: trailers",
    "trailer: x",
    "__proto__: 1",
    "proxy-connection: close",
  ],
  maxLength: 1024,
  async run(input) {
    await head(input);
    const sizes = input.length % 3 ? [1 + ((input.length * 7) % 211), 1 + (input.length % 97), 400] : [0];
    const before = past;
    const [both, http] = [await said(BOTH, input, sizes), await said(HTTP, input, sizes)];
    same(`the answers, ${past - before} of them past node:http`, both, http);
  },
};

/** What is read as a plain head, with its body and another request behind it, is two requests to node:http as well. */
async function head(input: Buffer): Promise<void> {
  const found = readPlainHead(input);
  if (!found || found === "more" || found.length > 2048) return;
  const body = Buffer.alloc(found.length, "b");
  const text = await said(
    HTTP,
    Buffer.concat([input.subarray(0, found.bodyAt), body, Buffer.from(LAST)]),
    [0],
  );
  const [first, second, ...more] = text.split("\r\n").filter((line) => line.startsWith("x-heard: "));
  if (more.length) throw new Finding(`more than two requests: ${text}`);
  same("the first", first, `x-heard: ${heard("POST", found.target, found.headers)}`);
  same("the second", second, `x-heard: ${heard("GET", "/last", { host: "b" })}`);
  same("the body", text.includes(`\r\n\r\n${body.toString()}HTTP/1.1 200`), true);
}

/** All that a listener says when these bytes come in such pieces. */
async function said(
  { server }: { server: object },
  bytes: Buffer,
  sizes: readonly number[],
): Promise<string> {
  const chunks: Buffer[] = [];
  const socket = Object.assign(
    new Duplex({
      allowHalfOpen: true,
      read() {},
      write(chunk: Buffer | string, encoding, done) {
        chunks.push(typeof chunk === "string" ? Buffer.from(chunk, encoding) : chunk);
        done();
      },
    }),
    {
      setTimeout: () => socket,
      setNoDelay: () => socket,
      setKeepAlive: () => socket,
      remoteAddress: "127.0.0.1",
    },
  );
  socket.on("error", () => {});
  (server as NodeJS.EventEmitter).emit("connection", socket);
  for (const piece of cut(bytes, ...sizes)) {
    if (!socket.destroyed) socket.push(Buffer.from(piece));
    await setImmediate();
  }
  for (let look = 0; look < 3; look++) await clock.advance(100);
  // pipelined requests take a few turns each
  for (let length = -1; length !== chunks.length;) {
    length = chunks.length;
    await setImmediate();
    await setImmediate();
  }
  const open = socket.writable;
  socket.destroy();
  await setImmediate();
  return `${Buffer.concat(chunks)
    .toString("latin1")
    .replace(/\r\nDate: [^\r]*/g, "")}${open ? "" : " closed"}`;
}
