/** What stands in for `src/dataplane/http-link.ts` in the baseline of the link: undici's Pool, in its fastest way. */
import { type Dispatcher, Pool } from "undici";
import type {
  InstanceEvents,
  InstanceExchange,
  InstanceLink,
  InstanceRequest,
} from "../src/dataplane/instance-link.ts";
import type { InstanceAddress } from "../src/dataplane/routing-table.ts";

/** The gateway keeps a list of this duration, which nothing here is put into. */
export const KEEP_ALIVE_MS = 1500;

/** Under the name of what it stands in for. */
export class HttpLink implements InstanceLink {
  readonly #pool: Pool;

  constructor(address: InstanceAddress) {
    const unix = address.kind === "unix";
    this.#pool = new Pool(unix ? "http://localhost" : `http://${address.host}:${address.port}`, {
      ...(unix && { socketPath: address.path }),
      pipelining: 1,
      keepAliveTimeout: KEEP_ALIVE_MS,
      // the data plane keeps its own deadlines
      headersTimeout: 0,
      bodyTimeout: 0,
      connectTimeout: 0,
    });
  }

  send({ method, path, headers, body }: InstanceRequest, events: InstanceEvents): InstanceExchange {
    const exchange = new UndiciExchange(events);
    const sent = { method, path, headers: headers as string[], body: method === "GET" ? null : body };
    this.#pool.dispatch(sent, exchange);
    return exchange;
  }

  close(): void {
    this.#pool.destroy().catch(() => {});
  }
}

class UndiciExchange implements InstanceExchange, Dispatcher.DispatchHandler {
  readonly #events: InstanceEvents;
  #controller: Dispatcher.DispatchController | undefined;
  #over = false;

  constructor(events: InstanceEvents) {
    this.#events = events;
  }

  pause(): void {
    this.#controller?.pause();
  }

  resume(): void {
    this.#controller?.resume();
  }

  abort(): void {
    this.#over = true;
    this.#controller?.abort(new Error("broken off"));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#over) this.abort();
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    if (!this.#over) this.#events.onHead(status, headers);
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.#over) this.#events.onData(chunk);
  }

  onResponseEnd(): void {
    this.#end(() => this.#events.onEnd());
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#end(() => this.#events.onFailure(this.#controller !== undefined, error.message));
  }

  #end(tell: () => void): void {
    if (this.#over) return;
    this.#over = true;
    tell();
  }
}
