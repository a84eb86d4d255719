/** HTTP/1.1 to one instance: a connection per request in flight, kept for the next one. */
import type { NetConnectOpts } from "node:net";
import type { DeadlineList } from "./deadlines.ts";
import { type ConnectionOwner, HttpConnection } from "./http-connection.ts";
import type { InstanceEvents, InstanceExchange, InstanceLink, InstanceRequest } from "./instance-link.ts";
import type { InstanceAddress } from "./routing-table.ts";

/** Below gunicorn's 2 s, so that we let go of an idle connection before a container does. */
export const KEEP_ALIVE_MS = 1500;

/** What could end a line early, or the request. */
const FORBIDDEN = /[^\t\x20-\x7e\x80-\xff]/;

/** Speaks to a container at a unix socket or a TCP port. */
export class HttpLink implements InstanceLink, ConnectionOwner {
  readonly #address: NetConnectOpts;
  readonly #host: string;
  readonly #idleTimes: DeadlineList;
  /** Connections without a request; the one used last is used next. */
  readonly #idle: HttpConnection[] = [];
  #waiting: HttpExchange[] = [];
  #closed = false;

  /** `idleTimes`: the deadlines of idle connections. */
  constructor(address: InstanceAddress, idleTimes: DeadlineList) {
    this.#idleTimes = idleTimes;
    this.#address =
      address.kind === "unix"
        ? { path: address.path }
        : { host: address.host, port: address.port, noDelay: true };
    this.#host = address.kind === "unix" ? "localhost" : `${host(address.host)}:${address.port}`;
  }

  /**
   * What is sent in one turn of the event loop leaves at its end, when connections have been read: one that the
   * container closed, or on which it said something unasked, is not used.
   */
  send(request: InstanceRequest, events: InstanceEvents): InstanceExchange {
    const exchange = new HttpExchange(request, events);
    if (this.#waiting.push(exchange) === 1) setImmediate(this.#flush);
    return exchange;
  }

  close(): void {
    this.#closed = true;
    for (const connection of this.#idle.splice(0)) {
      this.#idleTimes.clear(connection);
      connection.destroy();
    }
  }

  idle(connection: HttpConnection): void {
    if (this.#closed) return connection.destroy();
    this.#idleTimes.set(connection);
    this.#idle.push(connection);
  }

  gone(connection: HttpConnection): void {
    const at = this.#idle.indexOf(connection);
    if (at < 0) return;
    this.#idle.splice(at, 1);
    this.#idleTimes.clear(connection);
  }

  readonly #flush = (): void => {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const exchange of waiting) {
      if (exchange.aborted) continue;
      const head = requestHead(exchange.request, this.#host);
      if (head === undefined) exchange.events.onFailure(false, "the request holds forbidden characters");
      else exchange.begin(this.#take(), head);
    }
  };

  #take(): HttpConnection {
    for (let one = this.#idle.pop(); one; one = this.#idle.pop()) {
      this.#idleTimes.clear(one);
      if (!one.destroyed) return one;
    }
    return new HttpConnection(this, this.#address);
  }
}

class HttpExchange implements InstanceExchange {
  readonly request: InstanceRequest;
  readonly events: InstanceEvents;
  aborted = false;
  #connection: HttpConnection | undefined;

  constructor(request: InstanceRequest, events: InstanceEvents) {
    this.request = request;
    this.events = events;
  }

  begin(connection: HttpConnection, head: string): void {
    this.#connection = connection;
    connection.send(head, this.request.body, this.events);
  }

  pause(): void {
    this.#current()?.pause();
  }

  resume(): void {
    this.#current()?.resume();
  }

  abort(): void {
    this.aborted = true;
    this.#current()?.destroy();
  }

  /** The connection, unless it has gone on to another request. */
  #current(): HttpConnection | undefined {
    return this.#connection?.serves(this.events) ? this.#connection : undefined;
  }
}

/** Undefined for a request that would not be the one that was meant. */
function requestHead({ method, path, headers, body }: InstanceRequest, hostName: string): string | undefined {
  if (FORBIDDEN.test(path) || /[\t ]/.test(path)) return undefined;
  let head = `${method} ${path} HTTP/1.1\r\nhost: ${hostName}\r\nconnection: keep-alive\r\n`;
  for (let at = 0; at < headers.length; at += 2) {
    const value = headers[at + 1]!;
    if (FORBIDDEN.test(value)) return undefined;
    head += `${headers[at]}: ${value}\r\n`;
  }
  return method === "GET" ? `${head}\r\n` : `${head}content-length: ${body.byteLength}\r\n\r\n`;
}

const host = (name: string) => (name.includes(":") ? `[${name}]` : name);
