/** A connection as long as all that comes on it is plain requests, each after the answer to the one before. */
import type { Socket } from "node:net";
import { STATUS_CODES } from "../../base/node-http.ts";
import { PlainExchange, type PlainReplies, PlainRequest, type PlainService } from "./plain-exchange.ts";
import { readPlainHead } from "./plain-head.ts";

/** A longer body is read by node:http. */
const MAX_BODY = 64 << 10;
/** In so many pieces a request may come; and so many are read of what follows one before it is answered. */
const MAX_PIECES = 4;
/** Below this, a copied body costs less than a second buffer in the system call. */
const JOINED = 1024;
const FORBIDDEN = /[^\t\x20-\x7e\x80-\xff]/;

/** What a connection needs of the listener that it belongs to. */
export interface PlainOwner {
  readonly service: PlainService;
  readonly keepAliveTimeoutMs: number;
  /** Connections are to be given up when they have nothing in flight. */
  readonly leaving: boolean;
  /** As answers say it. */
  date(): string;
  /** A request is begun but not there as a whole: the connection is to be given up before long. */
  waits(connection: PlainConnection): void;
  arrived(connection: PlainConnection): void;
  begun(): void;
  ended(): void;
  /** It is the owner's no more: closed, or node:http's. */
  forget(connection: PlainConnection): void;
  /** Gives a connection to node:http, which reads on where `socket` is. */
  give(socket: Socket): void;
  /** The client ended the connection in the middle of a request. */
  brokenOff(socket: Socket): void;
}

export class PlainConnection implements PlainReplies {
  readonly #owner: PlainOwner;
  readonly #socket: Socket;
  /** Whose answer is not wholly written. */
  #exchange: PlainExchange | undefined;
  /** That exchange's request, as it came. */
  #taken: Buffer | undefined;
  /** Came, and was not taken. */
  #ahead: Buffer | undefined;
  #pieces = 0;
  #replied = false;
  #keptAlive = false;
  #stalled = false;
  #isOver = false;

  constructor(owner: PlainOwner, socket: Socket) {
    this.#owner = owner;
    this.#socket = socket
      .on("data", this.#onData)
      .on("end", this.#onEnd)
      .on("timeout", this.#onTimeout)
      .on("error", this.#onError)
      .on("close", this.#onClose);
    owner.waits(this);
  }

  /** From here on node:http reads, as soon as nothing is in flight: the owner is `leaving` if it is not given up now. */
  giveUp(): void {
    const socket = this.#socket;
    if (this.#exchange || this.#isOver || socket.destroyed || socket.writableEnded) return;
    this.#over();
    socket
      .off("data", this.#onData)
      .off("end", this.#onEnd)
      .off("timeout", this.#onTimeout)
      .off("error", this.#onError)
      .off("close", this.#onClose);
    socket.setTimeout(0).pause();
    this.#owner.give(socket);
    if (this.#ahead) socket.unshift(this.#ahead);
    socket.resume();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  reply(status: number, fields: readonly string[], body: Buffer, stallMs: number): void {
    if (this.#replied) throw new Error("A request is answered once.");
    let head = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\n`;
    for (let at = 0; at < fields.length; at += 2) {
      const value = fields[at + 1]!;
      if (FORBIDDEN.test(value))
        throw new Error(`The header ${fields[at]} of an answer holds what it may not.`);
      head += `${fields[at]}: ${value}\r\n`;
    }
    this.#replied = true;
    const { keepAliveTimeoutMs } = this.#owner;
    head += `content-length: ${body.length}\r\nDate: ${this.#owner.date()}\r\nConnection: keep-alive\r\nKeep-Alive: timeout=${Math.floor(keepAliveTimeoutMs / 1000)}\r\n\r\n`;
    const socket = this.#socket;
    if (body.length <= JOINED) socket.write(head + body.toString("latin1"), "latin1", this.#onWritten);
    else {
      socket.cork();
      socket.write(head, "latin1");
      socket.write(body, this.#onWritten);
      socket.uncork();
    }
    if (socket.writableLength > 0) {
      // what it sends would pass for its reading
      this.#stalled = true;
      socket.pause().setTimeout(stallMs);
    } else if (!this.#keptAlive) this.#keepAlive();
  }

  decline(): void {
    if (this.#replied) throw new Error("A request that is answered can not be declined.");
    const bytes = this.#taken!;
    this.#exchange = this.#taken = undefined;
    this.#ahead = this.#ahead ? Buffer.concat([bytes, this.#ahead]) : bytes;
    this.giveUp();
    // by then node:http has begun it
    setImmediate(() => this.#owner.ended());
  }

  /** Whatever happens on the connection puts this off. */
  #keepAlive(): void {
    this.#keptAlive = true;
    this.#socket.setTimeout(this.#owner.keepAliveTimeoutMs + ANNOUNCED_EARLY_MS);
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#pieces++;
    this.#ahead = this.#ahead ? Buffer.concat([this.#ahead, chunk]) : chunk;
    if (!this.#exchange) this.#take();
    else if (this.#pieces >= MAX_PIECES) this.#socket.pause();
  };

  /** Begins the next request if it is there. */
  #take(): void {
    const bytes = this.#ahead!;
    const head = readPlainHead(bytes);
    if (head === "more") return this.#wait();
    if (!head || head.length > MAX_BODY || !this.#owner.service.takes(head.target)) return this.giveUp();
    const end = head.bodyAt + head.length;
    if (bytes.length < end) return this.#wait();
    // pipelined
    if (bytes.length > end) return this.giveUp();
    this.#owner.arrived(this);
    this.#pieces = 0;
    this.#replied = false;
    this.#ahead = undefined;
    this.#taken = bytes;
    const request = new PlainRequest(head.target, head.headers, bytes.subarray(head.bodyAt));
    const exchange = (this.#exchange = new PlainExchange(request, this));
    this.#owner.begun();
    this.#owner.service.answer(exchange).catch(() => this.#socket.destroy());
  }

  #wait(): void {
    if (this.#pieces >= MAX_PIECES || this.#owner.leaving) this.giveUp();
    else this.#owner.waits(this);
  }

  /** The kernel has all of the answer. */
  readonly #onWritten = (error?: Error | null): void => {
    if (error || this.#isOver) return;
    this.#exchange = this.#taken = undefined;
    this.#owner.ended();
    if (this.#stalled) {
      this.#stalled = false;
      this.#keepAlive();
    }
    if (this.#ahead || this.#owner.leaving) this.giveUp();
    else this.#socket.resume();
  };

  readonly #onEnd = (): void => {
    if (this.#ahead && !this.#exchange) this.#owner.brokenOff(this.#socket);
    else this.#socket.end();
  };

  readonly #onTimeout = (): void => {
    if (!this.#exchange || this.#replied) this.#socket.destroy();
  };

  /** It is destroyed, and closes. */
  readonly #onError = (): void => {};

  readonly #onClose = (): void => {
    this.#over();
    const exchange = this.#exchange;
    if (!exchange) return;
    this.#exchange = this.#taken = undefined;
    exchange.leave();
    this.#owner.ended();
  };

  #over(): void {
    this.#isOver = true;
    this.#owner.forget(this);
  }
}

/** As node:http: clients that use a connection to its end may be late by as much. */
const ANNOUNCED_EARLY_MS = 1000;
