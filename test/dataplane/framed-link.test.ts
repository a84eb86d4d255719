import type { Socket } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { headOf, textsOf } from "../../src/base/frames.ts";
import { FramedLink } from "../../src/dataplane/framed-link.ts";
import type { InstanceEvents } from "../../src/dataplane/instance-link.ts";
import { instanceLinkContract, type Reply } from "../contracts/instance-link.ts";
import {
  bytesOf,
  type FramesInstance,
  framesInstance,
  OK,
  rawFramesInstance,
  say,
} from "./frames-instance.ts";

const open: AsyncDisposable[] = [];
afterEach(async () => {
  for (const one of open.splice(0).toReversed()) await one[Symbol.asyncDispose]();
});

function linkTo(instance: FramesInstance): FramedLink {
  const link = new FramedLink(instance.path);
  open.push(instance, { [Symbol.asyncDispose]: async () => link.close() });
  return link;
}

/** Sends a request and tells what was heard, or the reason of the failure. */
function ask(link: FramedLink, body: string | Buffer = "hello", more: Partial<InstanceEvents> = {}) {
  let heard = "";
  const over = Promise.withResolvers<string>();
  const events: InstanceEvents = {
    onHead: (status) => (heard += `${status} `),
    onData: (chunk) => (heard += Buffer.from(chunk).toString("latin1")),
    onEnd: () => over.resolve(heard),
    onFailure: (sent, reason) => over.resolve(`${sent ? "sent" : "not sent"}: ${reason}`),
    ...more,
  };
  const request = { method: "POST", path: "/invocations", headers: [], body: Buffer.from(body) } as const;
  return Object.assign(link.send(request, events), { over: over.promise });
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

instanceLinkContract("FramedLink", async (handler) => {
  const replies = new Map<string, FramesReply>();
  const key = (socket: Socket, id: number) => `${sockets.indexOf(socket)} ${id}`;
  const sockets: Socket[] = [];
  const instance = await framesInstance(({ kind, id, head, body }, socket) => {
    if (!sockets.includes(socket)) sockets.push(socket);
    if (kind !== "request") return replies.get(key(socket, id))?.told(kind);
    const [method = "", path = "", ...fields] = textsOf(head);
    const headers: Record<string, string> = {};
    for (let at = 0; at < fields.length; at += 2) headers[fields[at]!] = fields[at + 1]!;
    const reply = new FramesReply(socket, id);
    replies.set(key(socket, id), reply);
    handler({ method, path, headers, body: Buffer.from(body) }, reply);
  });
  const link = new FramedLink(instance.path);
  return {
    link,
    kill: instance.kill,
    async [Symbol.asyncDispose]() {
      link.close();
      await instance[Symbol.asyncDispose]();
    },
  };
});

/** An answer whose data waits while it is paused. */
class FramesReply implements Reply {
  readonly #socket: Socket;
  readonly #id: number;
  #paused = false;
  #ended = false;
  #go: (() => void) | undefined;
  #gone: (() => void) | undefined;

  constructor(socket: Socket, id: number) {
    this.#socket = socket;
    this.#id = id;
  }
  head(status: number, headers: Readonly<Record<string, string>>): void {
    const head = headOf([String(status), ...Object.entries(headers).flat()])!;
    say(this.#socket, { id: this.#id, head, last: false });
  }
  data(chunk: Buffer): boolean {
    for (let at = 0; at < chunk.length; at += 1 << 20)
      say(this.#socket, {
        kind: "data",
        id: this.#id,
        last: false,
        body: chunk.subarray(at, at + (1 << 20)),
      });
    // as the real server does, it looks at what it was told between two parts
    return false;
  }
  onDrain(go: () => void): void {
    this.#go = go;
    setImmediate(() => this.#drained());
  }
  end(): void {
    if (!this.#ended) say(this.#socket, { kind: "data", id: this.#id });
    this.#ended = true;
  }
  onGone(gone: () => void): void {
    this.#gone = gone;
  }
  told(kind: string): void {
    if (kind !== "cancel") {
      this.#paused = kind === "pause";
      return this.#drained();
    }
    this.#gone?.();
    if (!this.#ended) say(this.#socket, { head: OK, id: this.#id });
    this.#ended = true;
  }
  #drained(): void {
    if (this.#paused) return;
    const go = this.#go;
    this.#go = undefined;
    go?.();
  }
}

describe("FramedLink", () => {
  test("requests of one turn share one connection and one write", async () => {
    const chunks: number[] = [];
    const instance = await rawFramesInstance((socket, bytes) => {
      chunks.push(bytes.length);
      say(socket, ...[1, 2, 3].map((id) => ({ id, head: OK, body: Buffer.from(String(id)) })));
    });
    const link = linkTo(instance);
    expect(await Promise.all([ask(link).over, ask(link).over, ask(link).over])).toEqual([
      "200 1",
      "200 2",
      "200 3",
    ]);
    expect([chunks.length, instance.sockets.size]).toEqual([1, 1]);
  });

  test("while another is in flight, requests of a row of turns leave together", async () => {
    const chunks: number[] = [];
    const instance = await rawFramesInstance((_socket, bytes) => chunks.push(bytes.length));
    const link = linkTo(instance);
    const first = ask(link, "");
    while (chunks.length < 1) await turn();
    const second = ask(link, "");
    await turn();
    const third = ask(link, "");
    while (chunks.length < 2) await turn();
    expect(chunks[1]).toBe(2 * chunks[0]!);
    await instance.kill();
    for (const { over } of [first, second, third]) expect(await over).toMatch(/^sent: /);
  });

  test("an answer may come byte by byte", async () => {
    const instance = await framesInstance(({ id }, socket) => {
      const dribble = async () => {
        for (const byte of bytesOf({ id, head: OK, body: Buffer.from("hello") })) {
          socket.write(Buffer.from([byte]));
          await turn();
        }
      };
      void dribble();
    });
    const link = linkTo(instance);
    expect([await ask(link).over, await ask(link).over]).toEqual(["200 hello", "200 hello"]);
  });

  test.each([
    ["no frames", Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n")],
    ["an answer to what was not asked", bytesOf({ id: 99, head: OK })],
    ["two answers", bytesOf({ head: OK, last: false }, { head: OK })],
    ["an answer again after its last frame", bytesOf({ id: 2, head: OK }, { id: 2, head: OK })],
    ["data before an answer", bytesOf({ kind: "data" })],
    ["a request", bytesOf({ kind: "request", head: "POST\n/" })],
    ["an answer without a status", bytesOf({ head: "hello" })],
    ["a status of 100", bytesOf({ head: "100" })],
    ["a header without a value", bytesOf({ head: "200\nx" })],
    ["a part that is too long", bytesOf({ head: OK, body: Buffer.alloc((1 << 20) + 1) })],
  ])("%s: the connection ends, what was on it fails, the next request gets another", async (_what, bytes) => {
    let first = true;
    const instance = await framesInstance(({ id }, socket) => {
      if (!first) say(socket, { id, head: OK, body: Buffer.from("fine") });
      else if (id === 3) {
        first = false;
        socket.write(bytes);
      }
    });
    const link = linkTo(instance);
    const asked = [ask(link), ask(link), ask(link)].map(({ over }) => over);
    const heard = await Promise.all(asked);
    expect(heard.filter((one) => one.startsWith("sent: it sent ")).length).toBeGreaterThanOrEqual(2);
    expect(await ask(link).over).toBe("200 fine");
  });

  test("an answer cut off in the middle fails", async () => {
    const whole = bytesOf({ head: OK, body: Buffer.from("hello") });
    const instance = await rawFramesInstance((socket) => void socket.end(whole.subarray(0, -1)));
    expect(await ask(linkTo(instance)).over).toBe("sent: it closed the connection");
  });

  test("what the kernel has not taken was not sent", async () => {
    const started = Promise.withResolvers<void>();
    const instance = await rawFramesInstance((socket) => {
      started.resolve();
      socket.pause();
    });
    const link = linkTo(instance);
    const first = ask(link, Buffer.alloc(5_000_000));
    await started.promise;
    const second = ask(link);
    for (let i = 0; i < 20; i++) await turn();
    await instance.kill();
    expect(await first.over).toMatch(/^sent: /);
    expect(await second.over).toMatch(/^not sent: /);
  });

  test("a server that is about to end answers what it has, and gets nothing more", async () => {
    const seen: string[] = [];
    const leaving = Promise.withResolvers<() => void>();
    const instance = await framesInstance(({ id, body }, socket) => {
      const text = Buffer.from(body).toString();
      seen.push(`${[...instance.sockets].indexOf(socket)} ${text}`);
      if (text === "a") {
        say(socket, { kind: "goodbye", id: 0, last: false });
        socket.on("end", () => leaving.resolve(() => socket.end(bytesOf({ id, head: OK, body }))));
      } else say(socket, { id, head: OK, body });
    });
    const link = linkTo(instance);
    const a = ask(link, "a");
    const leave = await leaving.promise;
    expect(await ask(link, "b").over).toBe("200 b");
    leave();
    expect(await a.over).toBe("200 a");
    expect(seen).toEqual(["0 a", "1 b"]);
  });

  test("a server that goes on though it was told to pause is cut", async () => {
    const part = bytesOf({ kind: "data", last: false, body: Buffer.alloc(1 << 20) });
    const instance = await framesInstance(({ kind }, socket) => {
      if (kind === "request") say(socket, { head: OK, last: false });
      else for (let i = 0; i < 8; i++) socket.write(part);
    });
    const asked = ask(linkTo(instance), "x", { onHead: () => asked.pause() });
    expect(await asked.over).toBe("sent: it sent more than it was asked for");
  });

  test("a closed link takes nothing", async () => {
    const link = linkTo(await framesInstance(({ id }, socket) => say(socket, { id, head: OK })));
    expect(await ask(link).over).toBe("200 ");
    link.close();
    expect(await ask(link).over).toMatch(/^not sent: /);
    expect(await ask(link).over).toBe("not sent: the link is closed");
  });

  test("what waits for a server that says goodbye goes to the next", async () => {
    const first = Promise.withResolvers<Socket>();
    let begun = false;
    const instance = await rawFramesInstance((socket) => {
      if (begun) say(socket, { head: OK, body: Buffer.from("next") });
      else first.resolve(socket.pause());
      begun = true;
    });
    const link = linkTo(instance);
    void ask(link, Buffer.alloc(5_000_000));
    const socket = await first.promise;
    const second = ask(link);
    for (let i = 0; i < 20; i++) await turn();
    say(socket, { kind: "goodbye", id: 0, last: false });
    expect(await second.over).toBe("200 next");
  });
});
