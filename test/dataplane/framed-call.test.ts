import type { Socket } from "node:net";
import { afterEach, expect, test } from "vitest";
import { type Frame, headOf } from "../../src/base/frames.ts";
import { framedCaller } from "../../src/dataplane/framed-call.ts";
import { type CallInstance, InputBroke, InstanceBroke } from "../../src/dataplane/instance-call.ts";
import { framesInstance, type FramesInstance, OK, say } from "./frames-instance.ts";

let instance: FramesInstance;
afterEach(() => instance[Symbol.asyncDispose]());

const otherwise: CallInstance = async () => ({
  status: 299,
  contentType: undefined,
  body: (async function* () {})(),
});
const call = framedCaller(otherwise);
async function* bytes(...chunks: (string | Error)[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) {
    if (chunk instanceof Error) throw chunk;
    yield Buffer.from(chunk);
  }
}
const ask = (...chunks: (string | Error)[]) => asked(new AbortController().signal, ...chunks);
const asked = (signal: AbortSignal, ...chunks: (string | Error)[]) =>
  call({
    address: { kind: "unix", path: "/none", framesPath: instance.path },
    headers: { "content-type": "text/csv", accept: "*/*" },
    body: bytes(...chunks),
    length: chunks.join("").length,
    signal,
  });
const textOf = async (body: AsyncIterable<Uint8Array>) =>
  Buffer.concat(await Array.fromAsync(body)).toString();
/** Whether the client has ended each of its connections. */
const left = () => [...instance.sockets].every(({ readableEnded }) => readableEnded);
/** An instance that does this with each request; other frames are kept. */
async function start(onRequest: (frame: Frame, socket: Socket) => void): Promise<string[]> {
  const others: string[] = [];
  instance = await framesInstance((frame, socket) => {
    if (frame.kind === "request") onRequest(frame, socket);
    else others.push(frame.kind);
  });
  return others;
}

test("calls at once share a connection, which is closed with the last of them; an answer may come in parts", async () => {
  const heads: string[] = [];
  let connections = 0;
  const waiting: (() => void)[] = [];
  await start(({ id, head, body }, socket) => {
    heads.push(head);
    connections = Math.max(connections, instance.sockets.size);
    waiting.push(() => {
      say(socket, { id, head: OK, last: false, body: Buffer.from("<") });
      say(socket, { kind: "data", id, last: false, body }, { kind: "data", id, body: Buffer.from(">") });
    });
    if (waiting.length === 2) for (const answer of waiting) answer();
  });
  const answers = await Promise.all([ask("1,", "2"), ask("3")]);
  expect(answers).toMatchObject([
    { status: 200, contentType: "text/plain" },
    { status: 200, contentType: "text/plain" },
  ]);
  expect(await Promise.all(answers.map(({ body }) => textOf(body)))).toEqual(["<1,2>", "<3>"]);
  expect(heads[0]).toBe(headOf(["POST", "/invocations", "content-type", "text/csv", "accept", "*/*"]));
  expect(connections).toBe(1);
  await expect.poll(left).toBe(true);
});

test("long bodies, those of unknown length and other servers are called as ever", async () => {
  await start(() => expect.unreachable());
  const unix = { kind: "unix", path: "/none" } as const;
  const rest = { headers: {}, body: bytes(), signal: new AbortController().signal };
  for (const one of [
    { address: { ...unix, framesPath: instance.path }, length: 65_537 },
    { address: { ...unix, framesPath: instance.path } },
    { address: unix, length: 1 },
    { address: { kind: "tcp", host: "127.0.0.1", port: 1 } as const, length: 1 },
  ])
    expect((await call({ ...one, ...rest })).status).toBe(299);
});

test("an instance that breaks off, before its answer and within it", async () => {
  await start(({ id, body }, socket) => {
    if (Buffer.from(body).toString() === "later") say(socket, { id, head: OK, last: false });
    socket.end();
  });
  const broken = await ask("now").catch((error: unknown) => error);
  expect(broken).toBeInstanceOf(InstanceBroke);
  expect(broken).toMatchObject({ reached: true });
  const { body } = await ask("later");
  await expect(textOf(body)).rejects.toMatchObject({ name: "InstanceBroke", reached: true });
});

test("an answer that breaks off and that nobody reads breaks nothing else", async () => {
  await start(({ id }, socket) => {
    say(socket, { id, head: OK, last: false });
    socket.end();
  });
  await ask("1");
  await expect.poll(() => instance.sockets.size).toBe(0);
});

test("an instance that is not there was not reached", async () => {
  await start(() => {});
  await instance.kill();
  await expect(ask("1")).rejects.toMatchObject({ name: "InstanceBroke", reached: false });
});

test("an input that can not be read is nothing that the instance hears of", async () => {
  await start(() => expect.unreachable());
  await expect(ask("1", new Error("the disk is gone"))).rejects.toBeInstanceOf(InputBroke);
});

test("a call is broken off before its answer, and within it", async () => {
  const arrived = Promise.withResolvers<void>();
  await start(({ id, body }, socket) => {
    if (Buffer.from(body).toString() === "later") say(socket, { id, head: OK, last: false });
    arrived.resolve();
  });
  const enough = new Error("enough");
  const [first, second] = [new AbortController(), new AbortController()];
  const waiting = asked(first.signal, "never");
  const { body } = await asked(second.signal, "later");
  await arrived.promise;
  const reading = textOf(body);
  first.abort(enough);
  await expect(waiting).rejects.toBe(enough);
  second.abort(enough);
  await expect(reading).rejects.toBe(enough);
  await expect.poll(left).toBe(true);
});

test("an instance waits for whoever is slow to read", async () => {
  const others = await start(({ id }, socket) => {
    say(socket, { id, head: OK, last: false, body: Buffer.alloc(1 << 20, "x") });
    say(socket, { kind: "data", id, body: Buffer.alloc(1 << 20, "y") });
  });
  const { body } = await ask("1");
  await expect.poll(() => others).toContain("pause");
  expect(await textOf(body)).toHaveLength(2 << 20);
});
