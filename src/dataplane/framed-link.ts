/** Frames to one built-in model server: all requests share one connection, and those of one turn one write. */
import { FramedConnection, type FramedOwner, type FramedRequest } from "./framed-connection.ts";
import type { InstanceEvents, InstanceExchange, InstanceLink, InstanceRequest } from "./instance-link.ts";

const CLOSED = "the link is closed";

/** While others are in flight, what arrives in a row of turns leaves together: so many turns, or requests, at most. */
const MAX_TURNS = 2;
/** More than this would not run together anyway. */
const MAX_GATHERED = 64;

/** Connects when there is something to send. */
export class FramedLink implements InstanceLink, FramedOwner {
  readonly #path: string;
  #waiting: FramedExchange[] = [];
  #connection: FramedConnection | undefined;
  #flushing = false;
  /** How many waited at the last look, and how many looks there were. */
  #gathered = 0;
  #turns = 0;
  #closed = false;

  constructor(path: string) {
    this.#path = path;
  }

  /**
   * What is sent in one turn of the event loop leaves at its end, when connections have been read: one that the server
   * closed is not used. While the kernel takes no more, requests wait here, and were not sent if the connection breaks.
   */
  send(request: InstanceRequest, events: InstanceEvents): InstanceExchange {
    const exchange = new FramedExchange(this, request, events);
    this.#waiting.push(exchange);
    this.flushSoon();
    return exchange;
  }

  close(): void {
    this.#closed = true;
    this.#connection?.destroy(CLOSED);
  }

  /** It was broken off before it was sent. */
  forget(exchange: FramedExchange): void {
    const at = this.#waiting.indexOf(exchange);
    if (at >= 0) this.#waiting.splice(at, 1);
  }

  flushSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    setImmediate(this.#flush);
  }

  writable(connection: FramedConnection): void {
    if (connection === this.#connection && (this.#waiting.length > 0 || connection.controls > 0))
      this.flushSoon();
  }

  leaving(connection: FramedConnection): void {
    if (connection === this.#connection) this.#connection = undefined;
    connection.end();
    if (this.#waiting.length > 0) this.flushSoon();
  }

  gone(connection: FramedConnection, connected: boolean, reason: string): void {
    if (connection !== this.#connection) return;
    this.#connection = undefined;
    // what waits for a connection that broke gets another; where there is none, it goes elsewhere
    if (connected && !this.#closed) this.flushSoon();
    else this.#fail(reason);
  }

  #fail(reason: string): void {
    const lost = this.#waiting;
    this.#waiting = [];
    for (const one of lost) one.events?.onFailure(false, reason);
  }

  readonly #flush = (): void => {
    // read all, then send all: a write wakes the server, which costs more than a look at the other connections
    const { length: size } = this.#waiting;
    const more = size > this.#gathered && size < MAX_GATHERED && this.#turns < MAX_TURNS;
    if (more && this.#connection?.busy) {
      this.#gathered = size;
      this.#turns++;
      setImmediate(this.#flush);
      return;
    }
    this.#gathered = 0;
    this.#turns = 0;
    this.#flushing = false;
    if (this.#closed) this.#fail(CLOSED);
    else if (this.#connection === undefined) {
      if (this.#waiting.length > 0) this.#connection = new FramedConnection(this, this.#path);
    } else if (this.#connection.ready) {
      const requests = this.#waiting;
      this.#waiting = [];
      this.#connection.write(requests);
    }
  };
}

class FramedExchange implements FramedRequest, InstanceExchange {
  request: InstanceRequest | undefined;
  events: InstanceEvents | undefined;
  readonly #link: FramedLink;
  aborted = false;
  sent: FramedRequest["sent"];
  answered = false;
  ahead: number | undefined;

  constructor(link: FramedLink, request: InstanceRequest, events: InstanceEvents) {
    this.#link = link;
    this.request = request;
    this.events = events;
  }

  pause(): void {
    if (this.ahead !== undefined) return;
    this.ahead = 0;
    this.#say("pause");
  }

  resume(): void {
    if (this.ahead === undefined) return;
    this.ahead = undefined;
    this.#say("resume");
  }

  abort(): void {
    if (this.aborted) return;
    this.aborted = true;
    this.#link.forget(this);
    this.#say("cancel");
  }

  #say(kind: "cancel" | "pause" | "resume"): void {
    if (!this.sent) return;
    this.sent.connection.control(kind, this.sent.id);
    this.#link.flushSoon();
  }
}
