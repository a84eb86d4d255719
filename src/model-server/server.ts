import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { Server as NetServer } from "node:net";

import { createServer } from "../base/node-http.ts";
import {
  type Answer,
  answerError,
  type Caller,
  type Invocations,
  type ServerSettings,
} from "./invocations.ts";
import { Refusal } from "./refusal.ts";

/** The SageMaker container contract over HTTP. It answers /ping with 503 until a model is put in. */
export class ModelServer {
  readonly http: Server;
  readonly #settings: ServerSettings;
  #inFlight = 0;
  #drained: (() => void) | undefined;
  #serving: Invocations | undefined;

  constructor(settings: ServerSettings) {
    this.#settings = settings;
    this.http = createServer((request, response) => {
      this.#inFlight++;
      response.on("close", () => {
        this.#inFlight--;
        if (this.#inFlight === 0) this.#drained?.();
      });
      if (this.#drained) response.setHeader("connection", "close");
      const caller = new HttpCaller(response);
      this.#handle(request, response, caller).catch((error: unknown) => answerError(error, caller, settings));
    });
    // The gateway keeps its connections: closing an idle one would race with a request on its way.
    this.http.keepAliveTimeout = 0;
  }

  /** From here on /ping is 200. */
  serve(invocations: Invocations): void {
    this.#serving = invocations;
  }

  /**
   * Takes no new connection and resolves when what has begun is answered. Node's own `http.Server.close` counts a
   * connection as idle, and destroys it, while the end of a large answer still waits to be written.
   */
  async drain(): Promise<void> {
    NetServer.prototype.close.call(this.http);
    await new Promise<void>((resolve) => {
      this.#drained = resolve;
      if (this.#inFlight === 0) resolve();
    });
    this.http.closeAllConnections();
  }

  async #handle(request: IncomingMessage, response: ServerResponse, caller: Caller): Promise<void> {
    const path = request.url?.split("?")[0];
    const methods =
      path === "/invocations"
        ? ["POST"]
        : path === "/ping" || path === "/execution-parameters"
          ? ["GET", "HEAD"]
          : undefined;
    if (!methods) throw new Refusal(404, UNKNOWN_PATH);
    if (!methods.includes(request.method ?? "")) {
      response.setHeader("allow", methods.join(", "));
      throw new Refusal(405, `${path} takes ${methods[0]} only.`);
    }
    const serving = this.#serving;
    if (path === "/ping") return reply(response, serving ? 200 : 503, "text/plain", Buffer.alloc(0));
    if (path === "/execution-parameters") {
      const parameters = {
        // the next payload is on its way while one runs
        MaxConcurrentTransforms: 2,
        BatchStrategy: "MULTI_RECORD",
        // what a core's cache holds: larger ones take longer per row
        PreferredPayloadInMB: 1,
        MaxPayloadInMB: Math.max(1, Math.min(6, Math.floor(this.#settings.maxBodyBytes / 2 ** 20))),
      };
      return reply(response, 200, "application/json", Buffer.from(JSON.stringify(parameters)));
    }
    if (!serving) throw new Refusal(503, "The model is not loaded yet.");

    const body = await readBody(request, this.#settings.maxBodyBytes);
    serving.invoke(request.headers["content-type"], request.headers.accept, body, caller);
  }
}

/** What is said of every path that the container contract does not have. */
export const UNKNOWN_PATH = "This server answers GET /ping and POST /invocations.";

class HttpCaller implements Caller {
  readonly #response: ServerResponse;

  constructor(response: ServerResponse) {
    this.#response = response;
  }

  get gone(): boolean {
    return this.#response.destroyed;
  }

  answer({ status, type, body }: Answer): void {
    const response = this.#response;
    if (response.destroyed) return;
    // What is left of a body that was not read would be taken for the next request.
    if (!response.req.complete) response.setHeader("connection", "close");
    reply(response, status, type, body);
  }
}

function reply(response: ServerResponse, status: number, type: string, body: Buffer): void {
  response.writeHead(status, { "content-type": type, "content-length": body.length });
  response.end(body);
}

async function readBody(request: IncomingMessage, limit: number): Promise<Buffer> {
  const tooLarge = () => new Refusal(413, `The body is larger than ${limit} bytes.`);
  if (Number(request.headers["content-length"] ?? 0) > limit) throw tooLarge();
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    request.on("data", (chunk: Buffer) => {
      length += chunk.length;
      if (length > limit) {
        request.pause();
        reject(tooLarge());
      } else chunks.push(chunk);
    });
    request.on("end", () => resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, length)));
    request.on("error", reject);
  });
}
