/** The door: a node:http server that cuts slow and oversized requests, and refuses ambiguous ones. */
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { Server as NetServer, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Clock } from "../base/clock.ts";
import { createServer, STATUS_CODES } from "../base/node-http.ts";
import { FastPath } from "./fast-path/fast-path.ts";
import type { PlainService } from "./fast-path/plain-exchange.ts";

/** How patient a listener is. */
export interface ListenerLimits {
  readonly headersTimeoutMs: number;
  /** For a whole request, body included: uploads of 5 GiB are requests too. */
  readonly requestTimeoutMs: number;
  readonly checkIntervalMs: number;
  readonly keepAliveTimeoutMs: number;
  /** A connection that is silent for so long is probed: one whose other end is gone without a word ends 10 s later. */
  readonly probeAfterMs: number;
  readonly maxHeaderBytes: number;
  readonly maxHeaders: number;
  readonly maxConnections: number;
  /** From one address; loopback is not counted. */
  readonly maxConnectionsPerAddress: number;
}

const LIMITS: ListenerLimits = {
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 3_600_000,
  checkIntervalMs: 1000,
  keepAliveTimeoutMs: 65_000,
  probeAfterMs: 20_000,
  maxHeaderBytes: 16 << 10,
  maxHeaders: 100,
  maxConnections: 10_000,
  maxConnectionsPerAddress: 256,
};

/** What answers requests; a rejection is a bug, and costs the client its connection. */
export type RequestHandler = (message: IncomingMessage, reply: ServerResponse) => Promise<void>;

/** A server that can be told to finish what it has begun. */
export interface Listener extends AsyncDisposable {
  readonly server: Server;
  /** Resolves with the address once connections are accepted. */
  listen(port: number, host: string): Promise<{ readonly port: number; readonly host: string }>;
  /** The same on a unix socket, or on the handle of a socket that another process opened and handed over. */
  listenOn(place: { readonly path: string } | object): Promise<void>;
  /** Accepts nothing more, lets requests in flight end for up to `graceMs`, then cuts them. */
  drain(graceMs: number): Promise<void>;
}

export interface ListenerOptions {
  readonly clock: Clock;
  readonly limits?: Partial<ListenerLimits>;
  /** Answers plain requests past node:http, which reads all others. */
  readonly plain?: PlainService | undefined;
}

/** Makes a server around a handler. */
export function createListener(handler: RequestHandler, options: ListenerOptions): Listener {
  const limits = { ...LIMITS, ...options.limits };
  const server = createServer({
    headersTimeout: limits.headersTimeoutMs,
    requestTimeout: limits.requestTimeoutMs,
    connectionsCheckingInterval: limits.checkIntervalMs,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    maxHeaderSize: limits.maxHeaderBytes,
    joinDuplicateHeaders: true,
    requireHostHeader: false, // it is, below: node would still serve what follows on the connection
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: limits.probeAfterMs,
  });
  // node:http drops the fields above its own limit silently, so that must not be reached before ours is
  server.maxHeadersCount = 0;
  server.maxConnections = limits.maxConnections;
  const crowd = new Crowd(limits.maxConnectionsPerAddress);
  const refused = new WeakSet<Duplex>();
  const pending = new Pending();
  const fastPath = options.plain && openFastPath(server, options.plain, pending, options.clock, limits);
  server.on("connection", (socket) => {
    if (crowd.admit(socket)) fastPath?.admit(socket);
  });
  const serve = (message: IncomingMessage, reply: ServerResponse) => {
    pending.add(reply);
    // what follows a refused request on its connection may be a part of it
    if (refused.has(message.socket)) return void reply.destroy();
    const problem = ambiguity(message, limits.maxHeaders);
    if (problem) {
      refused.add(message.socket);
      return refuse(message, reply, problem);
    }
    handler(message, reply).catch(() => reply.destroy());
  };
  server.on("request", serve);
  server.on("checkContinue", serve); // the body is asked for when it is read: http.ts
  server.on("checkExpectation", serve); // refused as ambiguous
  server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
    if (refused.has(socket)) socket.end();
    else answerGarbage(error, socket);
  });
  return {
    server,
    async listen(port, host) {
      await listen(server, { port, host });
      const address = server.address();
      return address !== null && typeof address === "object"
        ? { port: address.port, host: address.address }
        : { port, host };
    },
    listenOn: (place) => listen(server, place),
    drain: (graceMs) => drain(server, fastPath, pending, options.clock, graceMs),
    [Symbol.asyncDispose]: () => drain(server, fastPath, pending, options.clock, 0),
  };
}

/** Takes the server's connections from node:http, which gets those that it is given, and watches over their time then. */
function openFastPath(
  server: Server,
  service: PlainService,
  pending: Pending,
  clock: Clock,
  { keepAliveTimeoutMs }: ListenerLimits,
): FastPath {
  const [serveHttp, ...others] = server.listeners("connection") as ((socket: Socket) => void)[];
  if (!serveHttp || others.length) throw new Error("node:http takes its connections in an unknown way.");
  server.off("connection", serveHttp);
  return new FastPath({
    service,
    clock,
    keepAliveTimeoutMs,
    give: (socket) => serveHttp.call(server, socket),
    brokenOff(socket) {
      const error = Object.assign(new Error("The request broke off."), { code: "HPE_INVALID_EOF_STATE" });
      server.emit("clientError", error, socket);
    },
    begun: () => pending.begin(),
    ended: () => pending.end(),
  });
}

/** Fields of which two could be read differently by two readers. */
const SINGLE =
  /^(?:host|authorization|content-length|content-type|transfer-encoding|expect|origin|x-amz-.*)$/i;

function ambiguity(
  { rawHeaders, headers, url = "" }: IncomingMessage,
  maxHeaders: number,
): string | undefined {
  if (rawHeaders.length / 2 > maxHeaders) return `The request has more than ${maxHeaders} header fields.`;
  if (!headers.host) return "The request must have a Host header field.";
  if (!url.startsWith("/")) return "The request target must be a path.";
  if (!/^chunked$/i.test(headers["transfer-encoding"] ?? "chunked"))
    return "Transfer-Encoding may only be chunked.";
  if (!/^100-continue$/i.test(headers.expect ?? "100-continue")) return "Expect may only be 100-continue.";
  const seen = new Set<string>();
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] ?? "";
    if (!SINGLE.test(name)) continue;
    const key = name.toLowerCase();
    if (seen.has(key)) return `The request has more than one header field ${key}.`;
    seen.add(key);
  }
  return undefined;
}

function refuse(message: IncomingMessage, reply: ServerResponse, problem: string): void {
  const body = JSON.stringify({ __type: "BadRequest", message: problem });
  reply
    .writeHead(400, {
      "content-type": "application/json",
      "content-length": Buffer.byteLength(body),
      connection: "close",
    })
    .end(body);
  message.resume();
}

const STATUS_OF: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};

function answerGarbage(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (!socket.writable || error.code === "ECONNRESET") return void socket.destroy();
  const status = STATUS_OF[error.code ?? ""] ?? 400;
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`,
    () => socket.destroy(),
  );
}

function listen(server: Server, place: object): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(place, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

/**
 * Takes no new connection, and resolves when all that was begun is answered or the grace is over. Node's own
 * `http.Server.close` counts a connection as idle, and destroys it, while the end of a large answer waits to be written.
 */
async function drain(
  server: Server,
  fastPath: FastPath | undefined,
  pending: Pending,
  clock: Clock,
  graceMs: number,
): Promise<void> {
  if (!server.listening) return;
  const closed = new Promise((resolve) => NetServer.prototype.close.call(server, resolve));
  fastPath?.leave();
  const { promise: over, resolve: end } = Promise.withResolvers<void>();
  const cancel = clock.after(graceMs, end);
  await Promise.race([pending.none(), over]);
  cancel();
  fastPath?.destroy();
  server.closeAllConnections();
  await closed;
}

/** How many connections each address has open. */
export class Crowd {
  readonly #most: number;
  readonly #open = new Map<string, number>();

  constructor(most: number) {
    this.#most = most;
  }

  /** Cuts the connection if its address has too many already; tells whether it has not. */
  admit(socket: Pick<Socket, "remoteAddress" | "destroy" | "once">): boolean {
    const address = socket.remoteAddress ?? "";
    if (LOOPBACK.test(address)) return true;
    const open = (this.#open.get(address) ?? 0) + 1;
    if (open > this.#most) {
      socket.destroy();
      return false;
    }
    this.#open.set(address, open);
    socket.once("close", () => {
      const left = this.#open.get(address)! - 1;
      if (left > 0) this.#open.set(address, left);
      else this.#open.delete(address);
    });
    return true;
  }
}

/** And what has no address: a unix socket. */
const LOOPBACK = /^(?:::ffff:)?127\.|^::1$|^$/;

/** Requests that have no whole answer yet, down to its last byte. */
class Pending {
  #count = 0;
  #whenNone: (() => void) | undefined;

  add(reply: ServerResponse): void {
    this.begin();
    if (this.#whenNone) reply.setHeader("connection", "close");
    reply.once("close", () => this.end());
  }

  begin(): void {
    this.#count++;
  }

  end(): void {
    if (--this.#count === 0) this.#whenNone?.();
  }

  none(): Promise<void> {
    return new Promise((resolve) => {
      this.#whenNone = resolve;
      if (this.#count === 0) resolve();
    });
  }
}
