/** HTTP/1.1 to one instance: a connection per request in flight, kept for the next one. */
import { Client, type Dispatcher } from "undici";
import type { InstanceEvents, InstanceExchange, InstanceLink, InstanceRequest } from "./instance-link.ts";
import type { InstanceAddress } from "./routing-table.ts";

/** Below gunicorn's 2 s, so that we let go of an idle connection before a container does. */
const KEEP_ALIVE_MS = 1500;
/** A container that sends more interim answers than this is broken. */
const MAX_INTERIM = 16;

/** Speaks to a container at a unix socket or a TCP port. */
export class HttpLink implements InstanceLink {
  readonly #origin: string;
  readonly #options: Client.Options;
  /** Connections without a request; the one used last is used next. */
  readonly #idle: Client[] = [];
  #closed = false;

  constructor(address: InstanceAddress) {
    this.#origin =
      address.kind === "unix" ? "http://localhost" : `http://${host(address.host)}:${address.port}`;
    this.#options = {
      ...(address.kind === "unix" ? { socketPath: address.path } : {}),
      pipelining: 1,
      keepAliveTimeout: KEEP_ALIVE_MS,
      // the data plane keeps its own deadlines
      headersTimeout: 0,
      bodyTimeout: 0,
      connectTimeout: 0,
    };
  }

  send(request: InstanceRequest, events: InstanceEvents): InstanceExchange {
    const client = this.#idle.pop() ?? new Client(this.#origin, this.#options);
    const exchange = new HttpExchange(this, client, events);
    client.dispatch(
      {
        method: request.method,
        path: request.path,
        headers: request.headers as string[],
        body: request.method === "GET" ? null : request.body,
      },
      exchange,
    );
    return exchange;
  }

  close(): void {
    this.#closed = true;
    for (const client of this.#idle.splice(0)) client.destroy().catch(() => {});
  }

  /** Takes a connection back. */
  release(client: Client, reusable: boolean): void {
    if (reusable && !this.#closed) this.#idle.push(client);
    else client.destroy().catch(() => {});
  }
}

class HttpExchange implements InstanceExchange, Dispatcher.DispatchHandler {
  readonly #link: HttpLink;
  readonly #client: Client;
  readonly #events: InstanceEvents;
  #controller: Dispatcher.DispatchController | undefined;
  #sent = false;
  #over = false;
  #interim = 0;

  constructor(link: HttpLink, client: Client, events: InstanceEvents) {
    this.#link = link;
    this.#client = client;
    this.#events = events;
  }

  pause(): void {
    this.#controller?.pause();
  }

  resume(): void {
    this.#controller?.resume();
  }

  abort(): void {
    if (this.#over) return;
    this.#over = true;
    this.#link.release(this.#client, false);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    this.#sent = true;
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    if (this.#over) return;
    if (status >= 200) this.#events.onHead(status, headers);
    else if (++this.#interim > MAX_INTERIM) this.#fail("too many interim answers");
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.#over) this.#events.onData(chunk);
  }

  onResponseEnd(): void {
    if (this.#over) return;
    this.#over = true;
    this.#link.release(this.#client, true);
    this.#events.onEnd();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#fail(error.message);
  }

  #fail(reason: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#link.release(this.#client, false);
    this.#events.onFailure(this.#sent, reason);
  }
}

const host = (name: string) => (name.includes(":") ? `[${name}]` : name);
