import { mkdtemp, rm } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import { encodeFrames, type Frame, FrameReader, headOf } from "../../src/base/frames.ts";
import { FramesServer } from "../../src/model-server/frames-server.ts";
import { Invocations, type ServerSettings } from "../../src/model-server/invocations.ts";
import type { Model } from "../../src/model-server/model.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { FakeModel } from "./fakes.ts";

/** The other end of a connection to the server. */
class Client {
  readonly frames: Frame[] = [];
  readonly socket: Socket;
  chunks = 0;
  closed = false;

  constructor(path: string) {
    const reader = new FrameReader({ kinds: ["answer", "data", "goodbye"], bodyBytes: 1 << 20 }, (frame) =>
      this.frames.push(frame),
    );
    this.socket = connect({ path })
      .on("data", (bytes: Buffer) => {
        this.chunks++;
        reader.push(bytes);
      })
      .on("error", () => {})
      .on("close", () => (this.closed = true));
  }

  say(...frames: Partial<Frame>[]): void {
    const empty = { kind: "request" as const, id: 1, last: true, head: "", body: new Uint8Array() };
    for (const bytes of encodeFrames(frames.map((one) => ({ ...empty, ...one })))) this.socket.write(bytes);
  }

  ask(id: number, body: string, type = "text/csv", path = "/invocations", method = "POST"): Partial<Frame> {
    return { id, head: headOf([method, path, "content-type", type])!, body: Buffer.from(body) };
  }

  /** Status, or what else a frame is, and body of what has come, once it is so many. */
  async heard(count: number): Promise<string[]> {
    while (this.frames.length < count && !this.closed) await turn();
    return this.frames.map(
      ({ id, kind, head, body }) =>
        `${id} ${kind === "answer" ? head.split("\n")[0] : kind} ${Buffer.from(body).toString()}`,
    );
  }
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

async function listen(model?: Model, log: string[] = []) {
  const settings: ServerSettings = {
    maxBodyBytes: 1000,
    batch: false,
    defaultAccept: undefined,
    log: (line) => log.push(line),
  };
  const folder = await mkdtemp(join(tmpdir(), "frames-"));
  const server = new FramesServer(settings);
  await server.listen(join(folder, "f"));
  const serve = (given: Model) =>
    server.serve(new Invocations(given, { maxRows: 64, maxDelayMs: 0 }, settings, new FakeClock()));
  if (model) serve(model);
  const clients: Client[] = [];
  onTestFinished(async () => {
    for (const client of clients) client.socket.destroy();
    await server.drain();
    await rm(folder, { recursive: true });
  });
  const client = () => {
    const one = new Client(join(folder, "f"));
    clients.push(one);
    return one;
  };
  return { server, serve, client };
}

const doubled = () => new FakeModel((data) => [...data].map((value) => value * 2));

test("requests that arrive together run together and are answered in one write", async () => {
  const model = doubled();
  const client = (await listen(model)).client();
  client.say(client.ask(1, "1"), client.ask(2, "2"), client.ask(7, "3\n4"));
  expect(await client.heard(3)).toEqual(["1 200 2.0\n", "2 200 4.0\n", "7 200 6.0\n8.0\n"]);
  expect([model.runs, client.chunks]).toEqual([[4], 1]);
  expect(client.frames[0]!.head).toBe("200\ncontent-type\ntext/csv; charset=utf-8");
});

test("what can not be answered is refused by itself", async () => {
  const client = (await listen(doubled())).client();
  client.say(
    client.ask(1, "x"),
    client.ask(2, "1", "image/png"),
    client.ask(3, "1", "text/csv", "/v1/chat/completions"),
    client.ask(4, "", "text/csv", "/invocations", "GET"),
    client.ask(5, "1".repeat(1001)),
    client.ask(6, "6"),
  );
  const heard = await client.heard(6);
  expect(heard.map((one) => one.split(" ", 2).join(" ")).sort()).toEqual([
    "1 400",
    "2 415",
    "3 404",
    "4 405",
    "5 413",
    "6 200",
  ]);
});

test("before the model is loaded the answer is 503", async () => {
  const { client, serve } = await listen();
  const one = client();
  one.say(one.ask(1, "1"));
  expect(await one.heard(1)).toEqual(["1 503 The model is not loaded yet."]);
  serve(doubled());
  one.say(one.ask(2, "1"));
  expect((await one.heard(2))[1]).toBe("2 200 2.0\n");
});

test("a request that is cancelled does not run, and gets its last frame", async () => {
  const gate = Promise.withResolvers<void>();
  const model = new FakeModel(async (data) => {
    if (data[0] === 1) await gate.promise;
    return [...data];
  });
  const client = (await listen(model)).client();
  client.say(client.ask(1, "1"));
  while (model.runs.length === 0) await turn();
  client.say(client.ask(2, "2"), client.ask(3, "3"), { kind: "cancel", id: 2, last: false });
  expect(await client.heard(1)).toEqual(["2 499 "]);
  gate.resolve();
  expect(await client.heard(3)).toEqual(["2 499 ", "1 200 1.0\n", "3 200 3.0\n"]);
  expect(model.runs).toEqual([1, 1]);
  client.say({ kind: "cancel", id: 3, last: false }, client.ask(4, "4"));
  expect((await client.heard(4))[3]).toBe("4 200 4.0\n");
});

test("a long answer comes in parts, which can be paused and broken off", async () => {
  const model = new FakeModel((data) => Array.from({ length: 2_000_000 }, () => data[0]!));
  const client = (await listen(model)).client();
  const parts = (id: number) => client.frames.filter((frame) => frame.id === id);
  client.say(client.ask(1, "1"));
  while (parts(1).length === 0) await turn();
  client.say({ kind: "pause", id: 1, last: false }, client.ask(2, "x"));
  while (parts(2).length === 0) await turn();
  const paused = parts(1).length;
  for (let i = 0; i < 20; i++) await turn();
  expect(parts(1).length).toBe(paused);
  expect(parts(1).at(-1)!.last).toBe(false);
  client.say({ kind: "resume", id: 1, last: false });
  while (!parts(1).at(-1)!.last) await turn();
  expect(Buffer.concat(parts(1).map(({ body }) => body)).toString()).toBe("1.0\n".repeat(2_000_000));

  client.say(client.ask(3, "3"));
  while (parts(3).length === 0) await turn();
  client.say({ kind: "cancel", id: 3, last: false });
  while (!parts(3).at(-1)!.last) await turn();
  expect(parts(3).at(-1)).toMatchObject({ kind: "data", body: Buffer.alloc(0) });
});

test("a client that ends is computed for no more", async () => {
  const gate = Promise.withResolvers<void>();
  const model = new FakeModel(async (data) => {
    if (data[0] === 1) await gate.promise;
    return [...data];
  });
  const { client } = await listen(model);
  const gone = client();
  gone.say(gone.ask(1, "1"));
  while (model.runs.length === 0) await turn();
  gone.say(gone.ask(2, "2"));
  gone.socket.end();
  while (!gone.closed) await turn();
  gate.resolve();
  const other = client();
  other.say(other.ask(1, "3"));
  expect(await other.heard(1)).toEqual(["1 200 3.0\n"]);
  expect(model.runs).toEqual([1, 1]);
});

test.each([
  ["bytes that are no frames", Buffer.from("GET / HTTP/1.1\r\nhost: a\r\n\r\n")],
  [
    "an answer",
    Buffer.concat(encodeFrames([{ kind: "answer", id: 1, last: true, head: "200", body: new Uint8Array() }])),
  ],
])("%s end the connection, not the server", async (_what, bytes) => {
  const log: string[] = [];
  const { client } = await listen(doubled(), log);
  const bad = client();
  bad.socket.write(bytes);
  while (!bad.closed) await turn();
  expect(log).toEqual([expect.stringMatching(/^A connection was cut: it sent a .*\.$/)]);
  const good = client();
  good.say(good.ask(1, "1"));
  expect(await good.heard(1)).toEqual(["1 200 2.0\n"]);
});

test("an id that is still open can not be used again", async () => {
  const { client } = await listen(new FakeModel(() => new Promise(() => {})));
  const one = client();
  one.say(one.ask(1, "1"));
  one.say(one.ask(1, "1"));
  while (!one.closed) await turn();
  expect(one.frames).toEqual([]);
});

test("draining says goodbye, and answers all that was sent before the client ended", async () => {
  const gate = Promise.withResolvers<void>();
  const model = new FakeModel(async (data) => {
    await gate.promise;
    return [...data];
  });
  const { server, client } = await listen(model);
  const one = client();
  one.say(one.ask(1, "1"));
  while (model.runs.length === 0) await turn();
  const draining = server.drain();
  expect(await one.heard(1)).toEqual(["0 goodbye "]);
  one.say(one.ask(2, "2"));
  one.socket.end();
  await turn();
  gate.resolve();
  expect(await one.heard(3)).toEqual(["0 goodbye ", "1 200 1.0\n", "2 200 2.0\n"]);
  await draining;
  while (!one.closed) await turn();
});
