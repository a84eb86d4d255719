import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { Agent, type IncomingMessage, request, type ServerResponse } from "node:http";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { IAMClient, ListRolesCommand } from "@aws-sdk/client-iam";
import { ListBucketsCommand, S3Client } from "@aws-sdk/client-s3";
import { ListModelsCommand, SageMakerClient } from "@aws-sdk/client-sagemaker";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { afterEach, expect, test } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import { silentLog } from "../../src/base/log.ts";
import { systemRandom } from "../../src/base/random.ts";
import { createForwarder, type ForwarderOptions, FORWARDED_LIMITS } from "../../src/gateway/forward.ts";
import { createListener, type RequestHandler } from "../../src/wire/listener.ts";
import { KEYS } from "./test-gateway.ts";

/** A gateway that forwards everything, and a control that can go and come. */
class Pair implements AsyncDisposable {
  readonly #dir: string;
  readonly #parts = new AsyncDisposableStack();
  #control: { kill(): Promise<void> } | undefined;
  readonly socketPath: string;
  port = 0;
  connections = 0;

  private constructor(dir: string) {
    this.#dir = dir;
    this.socketPath = join(dir, "control.sock");
  }

  static async start(handler?: RequestHandler, options: Partial<ForwarderOptions> = {}): Promise<Pair> {
    const pair = new Pair(await mkdtemp(join(tmpdir(), "tideway-forward-")));
    if (handler) await pair.control(handler);
    const forwarder = pair.#parts.use(
      createForwarder({
        socketPath: pair.socketPath,
        clock: systemClock,
        random: systemRandom,
        log: silentLog,
        ...options,
      }),
    );
    const listener = createListener((message, reply) => forwarder.handle(message, reply), {
      clock: systemClock,
    });
    pair.#parts.use(listener);
    ({ port: pair.port } = await listener.listen(0, "127.0.0.1"));
    return pair;
  }

  /** Control over HTTP, as it is behind a gateway. */
  async control(handler: RequestHandler): Promise<void> {
    const listener = createListener(handler, { clock: systemClock, limits: FORWARDED_LIMITS });
    await this.#listening(listener.server, (place) => listener.listenOn(place));
  }

  /** Control as bytes. */
  async rawControl(onSocket: (socket: Socket) => void): Promise<void> {
    const server = createServer(onSocket);
    await this.#listening(server, async (place) => void (await once(server.listen(place.path), "listening")));
  }

  async #listening(server: Server, listen: (place: { path: string }) => Promise<void>): Promise<void> {
    const sockets = new Set<Socket>();
    server.on("connection", (socket: Socket) => {
      this.connections++;
      sockets.add(socket);
      socket.on("error", () => {}).on("close", () => sockets.delete(socket));
    });
    await listen({ path: this.socketPath });
    this.#control = {
      kill: async () => {
        const closed = new Promise<void>((resolve) => server.close(() => resolve()));
        for (const socket of sockets) socket.destroy();
        await closed;
      },
    };
  }

  /** As kill -9 would. */
  async kill(): Promise<void> {
    await this.#control?.kill();
    this.#control = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await this.#parts.disposeAsync();
    await rm(this.#dir, { recursive: true, force: true });
  }
}

const open: AsyncDisposable[] = [];
const keep = async <T extends AsyncDisposable>(one: Promise<T>): Promise<T> => {
  open.push(await one);
  return one;
};
afterEach(async () => {
  for (const one of open.splice(0).toReversed()) await one[Symbol.asyncDispose]();
});

async function collected(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** Bytes in, all bytes that come back out; the connection stays open until the other side ends it. */
function conversation(port: number, ...parts: (string | Buffer)[]) {
  const socket = connect(port, "127.0.0.1");
  let heard = "";
  socket.on("data", (chunk: Buffer) => (heard += chunk.toString("latin1")));
  socket.on("error", () => {});
  for (const part of parts) socket.write(part);
  return { socket, heard: () => heard, ended: once(socket, "close").then(() => heard) };
}

const get = (path: string, more = "") =>
  `GET ${path} HTTP/1.1\r\nHost: h\r\n${more}Connection: close\r\n\r\n`;

test("fields go both ways as they were sent: case, order, duplicates, bytes", async () => {
  let seen: string[] = [];
  const pair = await keep(
    Pair.start(async (message, reply) => {
      seen = [message.method!, message.url!, ...message.rawHeaders];
      reply.sendDate = false;
      reply.writeHead(201, "Made so", ["X-B", "1", "x-a", "\u00e9", "X-B", "2", "Content-Length", "2"]);
      reply.end(Buffer.from("ok")); // with a string, node:http would write the fields as UTF-8 too
    }),
  );
  const answer = await conversation(
    pair.port,
    Buffer.from(
      "DELETE /a%2Fb//c?x=%20&y HTTP/1.1\r\nhOST: Example:1\r\nx-Z: 2\r\nX-a: \u00e9\r\nX-Z: 1\r\nConnection: close\r\nAuthorization: AWS4\r\n\r\n",
      "latin1",
    ),
  ).ended;
  expect(seen.slice(0, 2)).toEqual(["DELETE", "/a%2Fb//c?x=%20&y"]);
  const fields = ["hOST", "Example:1", "x-Z", "2", "X-a", "\u00e9", "X-Z", "1", "Authorization", "AWS4"];
  expect(seen.slice(2, 12)).toEqual(fields);
  expect(seen.slice(12)).toEqual(["Connection", "keep-alive"]);
  expect(answer).toMatch(
    /^HTTP\/1\.1 201 Made so\r\nX-B: 1\r\nx-a: \u00e9\r\nX-B: 2\r\nContent-Length: 2\r\n/,
  );
  expect(answer).not.toMatch(/forwarded/i);
  expect(answer.endsWith("\r\n\r\nok")).toBe(true);
});

test("bodies of every form arrive whole: by length, in chunks with trailers, none at all", async () => {
  const seen: object[] = [];
  const pair = await keep(
    Pair.start(async (message, reply) => {
      const body = (await collected(message)).toString();
      const { "content-length": length, "transfer-encoding": encoding } = message.headers;
      seen.push({ body, length, encoding, trailers: message.rawTrailers });
      reply.writeHead(200, { trailer: "X-Sum" });
      reply.write("a");
      reply.addTrailers({ "X-Sum": "1" });
      reply.end("b");
    }),
  );
  const post = "POST / HTTP/1.1\r\nHost: h\r\n";
  const { socket, heard } = conversation(
    pair.port,
    `${post}Content-Length: 3\r\n\r\nabc`,
    `${post}Transfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\nX-T: v\r\n\r\n`,
    `${post}\r\n`,
    `${post}Content-Length: 0\r\n\r\n`,
    `${post}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    "GET / HTTP/1.1\r\nHost: h\r\n\r\n",
  );
  const end = "\r\n\r\n1\r\na\r\n1\r\nb\r\n0\r\nX-Sum: 1\r\n\r\n";
  await expect.poll(() => heard().split(end).length).toBe(7);
  socket.destroy();
  const none = { body: "", trailers: [] };
  expect(seen).toEqual([
    { body: "abc", length: "3", encoding: undefined, trailers: [] },
    { body: "abc", length: undefined, encoding: "chunked", trailers: ["X-T", "v"] },
    { ...none, length: "0", encoding: undefined },
    { ...none, length: "0", encoding: undefined },
    { ...none, length: undefined, encoding: "chunked" },
    { ...none, length: undefined, encoding: undefined },
  ]);
});

test("connections to control are kept, and one that control closed costs nothing", async () => {
  const pair = await keep(Pair.start(async ({ url }, reply) => void reply.end(url)));
  const ask = async () => (await fetch(`http://127.0.0.1:${pair.port}/x`)).text();
  for (let i = 0; i < 5; i++) expect(await ask()).toBe("/x");
  expect(pair.connections).toBe(1);
  await pair.kill();
  await pair.control(async (_message, reply) => void reply.end("new"));
  expect(await ask()).toBe("new");
});

test("answers without a body stay so: HEAD, 204, 304; the connection goes on", async () => {
  const pair = await keep(
    Pair.start(async ({ url }, reply) => {
      if (url === "/head") reply.writeHead(200, { "content-length": 1234 }).end();
      else reply.writeHead(Number(url!.slice(1)), { etag: '"1"' }).end();
    }),
  );
  const { ended } = conversation(
    pair.port,
    "HEAD /head HTTP/1.1\r\nHost: h\r\n\r\n",
    "GET /204 HTTP/1.1\r\nHost: h\r\n\r\n",
    get("/304"),
  );
  const answers = (await ended).split(/(?=HTTP\/1\.1 )/);
  expect(answers).toHaveLength(3);
  expect(answers[0]).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*content-length: 1234\r\n[^]*\r\n\r\n$/);
  expect(answers[1]).toMatch(/^HTTP\/1\.1 204 [^]*etag: "1"\r\n[^]*\r\n\r\n$/);
  expect(answers[2]).toMatch(/^HTTP\/1\.1 304 [^]*etag: "1"\r\n[^]*\r\n\r\n$/);
  for (const one of answers.slice(1)) expect(one).not.toMatch(/transfer-encoding|content-length: [^0]/i);
});

test("Expect: 100-continue asks control, and a refusal costs no body", async () => {
  const pair = await keep(
    Pair.start(async (message, reply) => {
      if (message.url === "/no") reply.writeHead(413, { connection: "close" }).end("no");
      else {
        reply.writeContinue();
        reply.end(`got ${(await collected(message)).toString()}`);
      }
    }),
  );
  const put = (path: string) =>
    `PUT ${path} HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n`;
  const asked = conversation(pair.port, put("/yes"));
  await expect.poll(asked.heard).toBe("HTTP/1.1 100 Continue\r\n\r\n");
  asked.socket.write("body");
  await expect.poll(asked.heard).toMatch(/200 OK[^]*got body/);
  asked.socket.destroy();
  const refused = conversation(pair.port, put("/no"));
  await expect.poll(refused.heard).toMatch(/^HTTP\/1\.1 413 /);
  refused.socket.destroy();
});

test("an answer that comes little by little is passed on little by little, and ends when the client leaves", async () => {
  let control!: ServerResponse;
  let gone = false;
  const pair = await keep(
    Pair.start(async (_message, reply) => {
      control = reply.writeHead(200, { "content-type": "application/x-ndjson" });
      reply.flushHeaders();
      reply.once("close", () => (gone = !reply.writableFinished));
    }),
  );
  const { socket, heard } = conversation(pair.port, "GET /logs HTTP/1.1\r\nHost: h\r\n\r\n");
  await expect.poll(heard).toMatch(/^HTTP\/1\.1 200 OK[^]*\r\n\r\n$/);
  for (const line of ["one", "two"]) {
    control.write(`${line}\n`);
    await expect.poll(heard).toContain(line);
  }
  socket.destroy();
  await expect.poll(() => gone).toBe(true);
});

test("a client that leaves amid its body is gone for control at once", async () => {
  let gone = false;
  const pair = await keep(
    Pair.start(async (message) => {
      message.on("error", () => {}).resume();
      message.once("close", () => (gone = !message.complete));
    }),
  );
  const { socket } = conversation(pair.port, "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nabc");
  await expect.poll(() => pair.connections).toBe(1);
  socket.destroy();
  await expect.poll(() => gone).toBe(true);
});

test("100 MB go up and come down unharmed, and nobody's memory holds them", async () => {
  const size = 100 << 20;
  const chunk = randomBytes(1 << 20);
  const pair = await keep(
    Pair.start(async (message, reply) => {
      if (message.method === "PUT") {
        const hash = createHash("sha256");
        for await (const part of message) hash.update(part as Buffer);
        reply.end(hash.digest("hex"));
        return;
      }
      for (let sent = 0; sent < size; sent += chunk.length)
        if (!reply.write(chunk)) await once(reply, "drain");
      reply.end();
    }),
  );
  const agent = new Agent();
  const url = `http://127.0.0.1:${pair.port}/`;
  const expected = createHash("sha256");
  for (let at = 0; at < size; at += chunk.length) expected.update(chunk);
  const digest = expected.digest("hex");

  const up = request(url, { method: "PUT", agent, headers: { "content-length": size } });
  const answered = once(up, "response") as Promise<[IncomingMessage]>;
  for (let at = 0; at < size; at += chunk.length) if (!up.write(chunk)) await once(up, "drain");
  up.end();
  expect((await collected((await answered)[0])).toString()).toBe(digest);

  const [down] = (await once(request(url, { agent }).end(), "response")) as [IncomingMessage];
  const hash = createHash("sha256");
  for await (const part of down) hash.update(part as Buffer);
  expect(hash.digest("hex")).toBe(digest);
  agent.destroy();
});

test("a reader that stops reading stops control's writing", async () => {
  let written = 0;
  let full = false;
  const pair = await keep(
    Pair.start(async (_message, reply) => {
      const chunk = Buffer.alloc(1 << 20);
      while (!reply.destroyed && written < 500) {
        written++;
        if (reply.write(chunk)) continue;
        const stalled = setTimeout(() => (full = true), 200);
        await Promise.race([once(reply, "drain"), once(reply, "close")]);
        clearTimeout(stalled);
      }
    }),
  );
  const { socket } = conversation(pair.port, get("/"));
  socket.pause();
  await expect.poll(() => full, { timeout: 10_000 }).toBe(true);
  expect(written).toBeLessThan(50);
  socket.destroy();
});

test("requests wait for a control that is not there yet, and none is lost", async () => {
  const pair = await keep(Pair.start());
  const url = `http://127.0.0.1:${pair.port}/`;
  const answers = Array.from({ length: 50 }, (_, i) =>
    fetch(url + i, { method: "POST", body: `body ${i}` }).then((answer) => answer.text()),
  );
  await new Promise((resolve) => setTimeout(resolve, 100));
  await pair.control(async (message, reply) => {
    reply.end(`${message.url} ${(await collected(message)).toString()}`);
  });
  expect(await Promise.all(answers)).toEqual(answers.map((_, i) => `/${i} body ${i}`));
});

test("GET requests notice nothing of 20 restarts of control", async () => {
  const handler: RequestHandler = async ({ url }, reply) => void reply.end(url);
  const pair = await keep(Pair.start(handler));
  const stopping = new AbortController();
  const statuses: Record<number, number> = {};
  const clients = Array.from({ length: 8 }, async () => {
    while (!stopping.signal.aborted) {
      const answer = await fetch(`http://127.0.0.1:${pair.port}/x`);
      await answer.text();
      statuses[answer.status] = (statuses[answer.status] ?? 0) + 1;
    }
  });
  for (let i = 0; i < 20; i++) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    await pair.kill();
    await pair.control(handler);
  }
  stopping.abort();
  await Promise.all(clients);
  console.log(`20 restarts of control: ${JSON.stringify(statuses)}`);
  expect(Object.keys(statuses)).toEqual(["200"]);
});

test("a request that was sent and not answered is a 503; one cut in its answer is cut", async () => {
  const pair = await keep(Pair.start());
  await pair.rawControl((socket) =>
    socket.once("data", (bytes) => {
      if (bytes.includes("/half")) socket.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
      if (bytes.includes("/nonsense")) socket.write("nonsense\r\n\r\n");
      setImmediate(() => socket.destroy());
    }),
  );
  const url = `http://127.0.0.1:${pair.port}`;
  const cut = await fetch(`${url}/cut`, { method: "POST", body: "x" });
  expect(cut.status).toBe(503);
  expect(cut.headers.get("x-amzn-errortype")).toBe("ServiceUnavailable");
  expect(await cut.json()).toEqual({ message: expect.stringMatching(/restarting.*Try again\.$/) });
  expect((await fetch(`${url}/nonsense`)).status).toBe(503);
  await expect(fetch(`${url}/half`).then((answer) => answer.text())).rejects.toThrow();
});

test("above the bound of waiting requests the answer is a 503 at once; the others get theirs in the end", async () => {
  const pair = await keep(Pair.start(undefined, { patienceMs: 300, maxWaiting: 2 }));
  const url = `http://127.0.0.1:${pair.port}/`;
  const statuses = Array.from({ length: 3 }, () => fetch(url).then(({ status }) => status));
  expect(await Promise.race(statuses)).toBe(503);
  expect(await Promise.all(statuses)).toEqual([503, 503, 503]);
});

test("a client that leaves while it waits frees its place", async () => {
  const pair = await keep(Pair.start(undefined, { maxWaiting: 1 }));
  const first = conversation(pair.port, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  await expect.poll(async () => (await fetch(`http://127.0.0.1:${pair.port}/`)).status).toBe(503);
  first.socket.destroy();
  let tried: Promise<Response>;
  await expect
    .poll(async () => {
      tried = fetch(`http://127.0.0.1:${pair.port}/`);
      return Promise.race([
        tried.then(({ status }) => status),
        new Promise((r) => setTimeout(r, 50, "waits")),
      ]);
    })
    .toBe("waits");
  await pair.control(async (_message, reply) => void reply.end("there"));
  expect(await (await tried!).text()).toBe("there");
});

test("SDKs of every protocol read the 503", async () => {
  const pair = await keep(Pair.start(undefined, { patienceMs: 1 }));
  const settings = {
    endpoint: `http://127.0.0.1:${pair.port}`,
    region: "us-east-1",
    credentials: KEYS,
    maxAttempts: 1,
    forcePathStyle: true,
  };
  const told = { name: "ServiceUnavailable", $metadata: { httpStatusCode: 503 } };
  const calls = [
    new SageMakerClient(settings).send(new ListModelsCommand({})),
    new S3Client(settings).send(new ListBucketsCommand({})),
    new STSClient(settings).send(new GetCallerIdentityCommand({})),
    new IAMClient(settings).send(new ListRolesCommand({})),
  ];
  for (const end of await Promise.allSettled(calls as Promise<unknown>[])) {
    expect(end.status === "rejected" && end.reason).toMatchObject(told);
    expect((end as PromiseRejectedResult).reason.message).toContain("The server did not start in time.");
  }
});
