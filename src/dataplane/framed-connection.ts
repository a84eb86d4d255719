/** One connection to a built-in model server: all requests in flight on it at once, what it sends untrusted. */
import { connect, type Socket } from "node:net";
import {
  type Frame,
  FrameError,
  FrameReader,
  headOf,
  MAX_ANSWER_PART,
  MAX_REQUEST_BODY,
  textsOf,
  writeFrames,
} from "../base/frames.ts";
import type { InstanceEvents, InstanceRequest } from "./instance-link.ts";

/** What may still come of a body after it was told to pause: a part, and what the kernel holds. */
const MAX_AHEAD = 4 << 20;
/** Requests broken off whose last frame is still to come: a server that owes more is broken. */
const MAX_ABANDONED = 10_000;
const NOTHING = Buffer.alloc(0);

/** Hears what becomes of a connection. */
export interface FramedOwner {
  /** It can be written to: it is connected, and the kernel has taken all that was written before. */
  writable(connection: FramedConnection): void;
  /** The server is about to end: nothing more may be sent on it. */
  leaving(connection: FramedConnection): void;
  /** `connected`: it was one before. Called before the requests on it fail. */
  gone(connection: FramedConnection, connected: boolean, reason: string): void;
}

/** A request that is on a connection, or waits for one. */
export interface FramedRequest {
  /** Until it is written. */
  request: InstanceRequest | undefined;
  /** Until its last frame. What a Map once held stays in the tables that it outgrew, and each of those in the one before. */
  events: InstanceEvents | undefined;
  /** Nobody hears of it any more. */
  aborted: boolean;
  /** Where it was sent, while its last frame is still to come. */
  sent: { readonly connection: FramedConnection; readonly id: number } | undefined;
  answered: boolean;
  /** Bytes that came since it was paused; undefined while it is not. */
  ahead: number | undefined;
}

export class FramedConnection {
  readonly #owner: FramedOwner;
  readonly #socket: Socket;
  readonly #open = new Map<number, FramedRequest>();
  readonly #reader = new FrameReader(
    { kinds: ["answer", "data", "goodbye"], bodyBytes: MAX_ANSWER_PART },
    (frame) => this.#take(frame),
  );
  /** Heads that were read: a server has few different ones. */
  readonly #heads = new Map<string, AnswerHead>();
  #connected = false;
  #writing = false;
  #controls: Frame[] = [];
  #nextId = 0;
  #abandoned = 0;
  #reason = "it closed the connection";

  constructor(owner: FramedOwner, path: string) {
    this.#owner = owner;
    this.#socket = connect({ path })
      .on("connect", () => {
        this.#connected = true;
        this.#owner.writable(this);
      })
      .on("data", (bytes: Buffer) => this.#receive(bytes))
      .on("error", (error) => (this.#reason = error.message))
      .on("close", () => this.#closed());
  }

  /** Whether anything is in flight. */
  get busy(): boolean {
    return this.#open.size > 0;
  }

  get ready(): boolean {
    return this.#connected && !this.#writing && !this.#socket.destroyed;
  }

  /** How much there is to say of requests that are open. */
  get controls(): number {
    return this.#controls.length;
  }

  /** Writes these requests, and what there is to say of earlier ones, at once. Only when it is `ready`. */
  write(requests: Iterable<FramedRequest>): void {
    const frames: Frame[] = [];
    for (const one of requests) {
      const { method, path, headers, body } = one.request!;
      const head = headOf([method, path, ...headers]);
      if (head === undefined || body.byteLength > MAX_REQUEST_BODY) {
        one.events!.onFailure(
          false,
          head === undefined ? "the request holds forbidden characters" : "the request is too long",
        );
        continue;
      }
      do this.#nextId = (this.#nextId + 1) >>> 0;
      while (this.#open.has(this.#nextId));
      const id = this.#nextId;
      this.#open.set(id, one);
      one.sent = { connection: this, id };
      one.request = undefined;
      frames.push({ kind: "request", id, last: true, head, body });
    }
    for (const control of this.#controls) if (this.#open.has(control.id)) frames.push(control);
    this.#controls = [];
    if (frames.length === 0) return;
    this.#writing = true;
    writeFrames(this.#socket, frames, this.#written);
  }

  /** Something to say of a request that is open; it leaves with the next write. */
  control(kind: "cancel" | "pause" | "resume", id: number): void {
    if (this.#socket.destroyed) return;
    this.#controls.push({ kind, id, last: false, head: "", body: NOTHING });
    if (kind === "cancel" && ++this.#abandoned > MAX_ABANDONED)
      this.destroy("it does not answer requests that were broken off");
  }

  /** Says that nothing more will be sent; what is open is still answered. */
  end(): void {
    this.#socket.end();
  }

  destroy(reason: string): void {
    this.#reason = reason;
    this.#socket.destroy();
  }

  readonly #written = (error?: Error | null): void => {
    this.#writing = false;
    if (!error) this.#owner.writable(this);
  };

  #receive(bytes: Buffer): void {
    try {
      this.#reader.push(bytes);
    } catch (error) {
      this.destroy(error instanceof FrameError ? `it sent ${error.message}` : (error as Error).message);
    }
  }

  #take({ kind, id, last, head, body }: Frame): void {
    if (this.#socket.destroyed) return;
    if (kind === "goodbye") return this.#owner.leaving(this);
    const one = this.#open.get(id);
    if (!one) throw new FrameError("an answer to what was not asked");
    if (one.answered === (kind === "answer")) throw new FrameError("an answer out of its order");
    if (kind === "answer") {
      const { status, headers } = this.#headOf(head);
      one.answered = true;
      if (!one.aborted) one.events!.onHead(status, headers);
    }
    if (body.byteLength > 0 && !one.aborted) {
      if (one.ahead !== undefined && (one.ahead += body.byteLength) > MAX_AHEAD)
        throw new FrameError("more than it was asked for");
      one.events!.onData(body);
    }
    if (!last) return;
    this.#open.delete(id);
    const { events } = one;
    one.sent = one.events = undefined;
    if (one.aborted) this.#abandoned--;
    else events!.onEnd();
  }

  #headOf(text: string): AnswerHead {
    const known = this.#heads.get(text);
    if (known) return known;
    const head = answerHead(text);
    if (text.length > MAX_KEPT) return head;
    if (this.#heads.size >= MAX_HEADS) this.#heads.clear();
    this.#heads.set(text, head);
    return head;
  }

  #closed(): void {
    this.#owner.gone(this, this.#connected, this.#reason);
    const open = [...this.#open.values()];
    this.#open.clear();
    for (const one of open) {
      one.sent = undefined;
      if (!one.aborted) one.events!.onFailure(true, this.#reason);
    }
  }
}

interface AnswerHead {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
}

const MAX_HEADS = 100;
const MAX_KEPT = 1000;

function answerHead(text: string): AnswerHead {
  const [code = "", ...fields] = textsOf(text);
  if (!/^[2-5]\d\d$/.test(code)) throw new FrameError("an answer without a status");
  if (fields.length % 2) throw new FrameError("a header without a value");
  const headers: Record<string, string> = Object.create(null);
  for (let at = 0; at < fields.length; at += 2) headers[fields[at]!] ??= fields[at + 1]!;
  return { status: Number(code), headers };
}
