import { createServer, type Server, type Socket } from "node:net";

import {
  encodeFrames,
  type Frame,
  FrameError,
  FrameReader,
  headOf,
  MAX_ANSWER_PART,
  MAX_REQUEST_BODY,
  textsOf,
} from "../base/frames.ts";
import {
  type Answer,
  answerError,
  type Caller,
  type Invocations,
  type ServerSettings,
} from "./invocations.ts";
import { Refusal } from "./refusal.ts";
import { UNKNOWN_PATH } from "./server.ts";

const NOTHING = Buffer.alloc(0);
/** Nobody reads it: the request was broken off. */
const GONE: Answer = { status: 499, type: "text/plain", body: NOTHING };

/** Invocations as frames, beside the HTTP server that answers everything else. */
export class FramesServer {
  readonly #server: Server;
  readonly #connections = new Set<FramesConnection>();
  #serving: Invocations | undefined;

  constructor(settings: ServerSettings) {
    this.#server = createServer({ allowHalfOpen: true }, (socket) => {
      const connection = new FramesConnection(socket, settings, () => this.#serving);
      this.#connections.add(connection);
      socket.on("close", () => this.#connections.delete(connection));
    });
  }

  listen(path: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject).listen(path, resolve);
    });
  }

  serve(invocations: Invocations): void {
    this.#serving = invocations;
  }

  /** Takes no new connection, and resolves when those there are have been ended by their clients and answered. */
  async drain(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const connection of this.#connections) connection.sayGoodbye();
    await closed;
  }
}

/** A body that is sent in parts. */
interface Rest {
  readonly body: Buffer;
  at: number;
  paused: boolean;
}

class FramesConnection {
  readonly #socket: Socket;
  readonly #settings: ServerSettings;
  readonly #serving: () => Invocations | undefined;
  readonly #reader = new FrameReader(
    { kinds: ["request", "cancel", "pause", "resume"], bodyBytes: MAX_REQUEST_BODY },
    (frame) => this.#take(frame),
  );
  readonly #open = new Map<number, FrameCaller>();
  readonly #rests = new Map<number, Rest>();
  #outbox: Frame[] = [];
  #flushing = false;
  #writing = false;
  #leaving = false;
  #ended = false;

  constructor(socket: Socket, settings: ServerSettings, serving: () => Invocations | undefined) {
    this.#socket = socket;
    this.#settings = settings;
    this.#serving = serving;
    socket
      .on("data", (bytes: Buffer) => this.#receive(bytes))
      .on("end", () => {
        // a client that was not told to end is gone, with what it waited for
        if (!this.#leaving) return socket.destroy();
        this.#ended = true;
        return this.#flushSoon();
      })
      .on("error", () => {})
      .on("close", () => {
        for (const caller of this.#open.values()) caller.gone = true;
        this.#open.clear();
      });
  }

  sayGoodbye(): void {
    this.#leaving = true;
    this.#send({ kind: "goodbye", id: 0, last: false, head: "", body: NOTHING });
  }

  /** The answer of a request that is open, in parts if it is long. */
  answer(id: number, { status, type, body }: Answer): void {
    this.#open.delete(id);
    const whole = body.length <= MAX_ANSWER_PART;
    const part = whole ? body : body.subarray(0, MAX_ANSWER_PART);
    if (!whole) this.#rests.set(id, { body, at: MAX_ANSWER_PART, paused: false });
    this.#send({ kind: "answer", id, last: whole, head: answerHead(status, type), body: part });
  }

  #receive(bytes: Buffer): void {
    try {
      this.#reader.push(bytes);
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      this.#settings.log(`A connection was cut: it sent ${error.message}.`);
      this.#socket.destroy();
    }
  }

  #take({ kind, id, head, body }: Frame): void {
    if (kind === "request") return this.#ask(id, head, body as Buffer);
    const rest = this.#rests.get(id);
    if (kind !== "cancel") {
      if (rest) rest.paused = kind === "pause";
      return this.#flushSoon();
    }
    const caller = this.#open.get(id);
    if (caller) {
      caller.gone = true;
      this.answer(id, GONE);
    } else if (rest) {
      this.#rests.delete(id);
      this.#send({ kind: "data", id, last: true, head: "", body: NOTHING });
    }
  }

  #ask(id: number, head: string, body: Buffer): void {
    if (this.#open.has(id) || this.#rests.has(id))
      throw new FrameError("a request under an id that is taken");
    const caller = new FrameCaller(this, id);
    this.#open.set(id, caller);
    const { method, path, contentType, accept } = requestHead(head);
    try {
      if (path.split("?", 1)[0] !== "/invocations") throw new Refusal(404, UNKNOWN_PATH);
      if (method !== "POST") throw new Refusal(405, "/invocations takes POST only.");
      const { maxBodyBytes } = this.#settings;
      if (body.length > maxBodyBytes)
        throw new Refusal(413, `The body is larger than ${maxBodyBytes} bytes.`);
      const serving = this.#serving();
      if (!serving) throw new Refusal(503, "The model is not loaded yet.");
      serving.invoke(contentType, accept, body, caller);
    } catch (error) {
      answerError(error, caller, this.#settings);
    }
  }

  #send(frame: Frame): void {
    this.#outbox.push(frame);
    this.#flushSoon();
  }

  /** What is answered in one go leaves in one write. */
  #flushSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    queueMicrotask(this.#flush);
  }

  readonly #flush = (): void => {
    this.#flushing = false;
    if (this.#writing || this.#socket.destroyed) return;
    const frames = this.#outbox;
    this.#outbox = [];
    for (const [id, rest] of this.#rests) {
      if (rest.paused) continue;
      const body = rest.body.subarray(rest.at, rest.at + MAX_ANSWER_PART);
      rest.at += body.length;
      const last = rest.at === rest.body.length;
      if (last) this.#rests.delete(id);
      frames.push({ kind: "data", id, last, head: "", body });
    }
    if (frames.length === 0) {
      if (this.#ended && this.#open.size === 0 && this.#rests.size === 0) this.#socket.end();
      return;
    }
    this.#writing = true;
    const buffers = encodeFrames(frames);
    if (buffers.length > 1) this.#socket.cork();
    for (let i = 0; i < buffers.length - 1; i++) this.#socket.write(buffers[i]!);
    this.#socket.write(buffers.at(-1)!, this.#written);
    if (buffers.length > 1) this.#socket.uncork();
  };

  readonly #written = (): void => {
    this.#writing = false;
    if (this.#outbox.length > 0 || this.#rests.size > 0 || this.#ended) this.#flushSoon();
  };
}

class FrameCaller implements Caller {
  readonly #connection: FramesConnection;
  readonly #id: number;
  gone = false;

  constructor(connection: FramesConnection, id: number) {
    this.#connection = connection;
    this.#id = id;
  }

  answer(answer: Answer): void {
    if (!this.gone) this.#connection.answer(this.#id, answer);
  }
}

interface RequestHead {
  readonly method: string;
  readonly path: string;
  readonly contentType: string | undefined;
  readonly accept: string | undefined;
}

function requestHead(head: string): RequestHead {
  const [method = "", path = "", ...fields] = textsOf(head);
  const valueOf = (name: string) => {
    for (let at = 0; at < fields.length; at += 2) if (fields[at] === name) return fields[at + 1];
    return undefined;
  };
  return { method, path, contentType: valueOf("content-type"), accept: valueOf("accept") };
}

function answerHead(status: number, type: string): string {
  return headOf([String(status), "content-type", type])!;
}
