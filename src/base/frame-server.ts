/** The answering side of the link of frames.ts: many requests on each connection, answered in any order. */
import { createServer, type Server, type Socket } from "node:net";
import {
  type Frame,
  FrameError,
  FrameReader,
  MAX_ANSWER_PART,
  MAX_REQUEST_BODY,
  writeFrames,
} from "./frames.ts";

/** What answers the requests. */
export interface FrameService<Answer extends FrameBody> {
  /** Answers now or later, once; a FrameError cuts the connection. */
  ask(head: string, body: Buffer, caller: FrameCaller<Answer>): void;
  /** The head of an answer, as `headOf` writes it. */
  headOf(answer: Answer): string;
  /** For a request that was broken off: nobody reads it. */
  readonly gone: Answer;
  readonly log: (line: string) => void;
}

/** An answer has a body; what else is in it, its service puts into the head. */
interface FrameBody {
  readonly body: Buffer;
}

/** Who waits for the answer to one request. */
export interface FrameCaller<Answer> {
  /** Nobody listens any more. */
  readonly gone: boolean;
  answer(answer: Answer): void;
}

const NOTHING = Buffer.alloc(0);

export class FrameServer<Answer extends FrameBody> {
  readonly #server: Server;
  readonly #connections = new Set<FrameConnection<Answer>>();

  constructor(service: FrameService<Answer>) {
    this.#server = createServer({ allowHalfOpen: true }, (socket) => {
      const connection = new FrameConnection(socket, service);
      this.#connections.add(connection);
      socket.on("close", () => this.#connections.delete(connection));
    });
  }

  listen(path: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject).listen(path, resolve);
    });
  }

  /** Takes no new connection, and resolves when those there are have been ended by their clients and answered. */
  async drain(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const connection of this.#connections) connection.sayGoodbye();
    await closed;
  }

  /** Cuts what there is. */
  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const connection of this.#connections) connection.destroy();
    await closed;
  }
}

/** A body that is sent in parts. */
interface Rest {
  readonly body: Buffer;
  at: number;
  paused: boolean;
}

class FrameConnection<Answer extends FrameBody> {
  readonly #socket: Socket;
  readonly #service: FrameService<Answer>;
  readonly #reader = new FrameReader(
    { kinds: ["request", "cancel", "pause", "resume"], bodyBytes: MAX_REQUEST_BODY },
    (frame) => this.#take(frame),
  );
  readonly #open = new Map<number, OpenRequest<Answer>>();
  readonly #rests = new Map<number, Rest>();
  #outbox: Frame[] = [];
  #flushing = false;
  #writing = false;
  #leaving = false;
  #ended = false;

  constructor(socket: Socket, service: FrameService<Answer>) {
    this.#socket = socket;
    this.#service = service;
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
        for (const request of this.#open.values()) request.gone = true;
        this.#open.clear();
      });
  }

  sayGoodbye(): void {
    this.#leaving = true;
    this.#send({ kind: "goodbye", id: 0, last: false, head: "", body: NOTHING });
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** The answer of a request that is open, in parts if it is long. */
  answer(id: number, answer: Answer): void {
    this.#open.delete(id);
    const { body } = answer;
    const whole = body.length <= MAX_ANSWER_PART;
    const part = whole ? body : body.subarray(0, MAX_ANSWER_PART);
    if (!whole) this.#rests.set(id, { body, at: MAX_ANSWER_PART, paused: false });
    this.#send({ kind: "answer", id, last: whole, head: this.#service.headOf(answer), body: part });
  }

  #receive(bytes: Buffer): void {
    try {
      this.#reader.push(bytes);
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      this.#service.log(`A connection was cut: it sent ${error.message}.`);
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
    const request = this.#open.get(id);
    if (request) {
      request.gone = true;
      this.answer(id, this.#service.gone);
    } else if (rest) {
      this.#rests.delete(id);
      this.#send({ kind: "data", id, last: true, head: "", body: NOTHING });
    }
  }

  #ask(id: number, head: string, body: Buffer): void {
    if (this.#open.has(id) || this.#rests.has(id))
      throw new FrameError("a request under an id that is taken");
    const request = new OpenRequest(this, id);
    this.#open.set(id, request);
    this.#service.ask(head, body, request);
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
    writeFrames(this.#socket, frames, this.#written);
  };

  readonly #written = (): void => {
    this.#writing = false;
    if (this.#outbox.length > 0 || this.#rests.size > 0 || this.#ended) this.#flushSoon();
  };
}

class OpenRequest<Answer extends FrameBody> implements FrameCaller<Answer> {
  readonly #connection: FrameConnection<Answer>;
  readonly #id: number;
  gone = false;

  constructor(connection: FrameConnection<Answer>, id: number) {
    this.#connection = connection;
    this.#id = id;
  }

  answer(answer: Answer): void {
    if (!this.gone) this.#connection.answer(this.#id, answer);
  }
}
