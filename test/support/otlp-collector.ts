import { createServer, type IncomingHttpHeaders, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";

export interface Received {
  readonly path: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: any;
}

/** What metrics are sent to: keeps what it gets. */
export class OtlpCollector implements AsyncDisposable {
  readonly received: Received[] = [];
  readonly #server: Server;
  #heard: (() => void)[] = [];

  /** Answers with these statuses, one after the other, and with the last one for ever. */
  private constructor(statuses: readonly number[]) {
    this.#server = createServer((message, reply) => {
      void this.#take(message).then(() =>
        reply.writeHead(statuses[this.received.length - 1] ?? statuses.at(-1)!).end("{}"),
      );
    });
  }

  static async start(...statuses: number[]): Promise<OtlpCollector> {
    const collector = new OtlpCollector(statuses);
    await new Promise<void>((resolve) => collector.#server.listen(0, "127.0.0.1", resolve));
    return collector;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Resolves once so many requests came. */
  async has(count: number): Promise<void> {
    while (this.received.length < count) await new Promise<void>((resolve) => this.#heard.push(resolve));
  }

  async #take(message: IncomingMessage): Promise<void> {
    const body = JSON.parse(Buffer.concat(await message.toArray()).toString()) as unknown;
    this.received.push({ path: message.url, headers: message.headers, body });
    for (const tell of this.#heard.splice(0)) tell();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }
}
