import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { Server as NetServer } from "node:net";

import { Batcher } from "./batcher.ts";
import { chooseAnswer, contentTypeHeader, decodeRequest, encodeAnswer } from "./content-types.ts";
import { InvalidInput, type Model } from "./model.ts";
import { Refusal } from "./refusal.ts";

// An import of node:http reads every export, and one of them loads undici: 41 ms of a start, where this takes 7.
const { createServer } = process.getBuiltinModule("node:http");

/** What a caller may set of the server. */
export interface ServerSettings {
  readonly maxBodyBytes: number;
  /** SAGEMAKER_BATCH: the instance works for a batch transform job. */
  readonly batch: boolean;
  /** SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT: the answer's content type where a caller does not choose. */
  readonly defaultAccept: string | undefined;
  /** Takes one line for the instance's log. */
  readonly log: (line: string) => void;
}

/** The SageMaker container contract over HTTP. It answers /ping with 503 until a model is put in. */
export class ModelServer {
  readonly http: Server;
  readonly #settings: ServerSettings;
  #inFlight = 0;
  #drained: (() => void) | undefined;
  #serving: { model: Model; batcher: Batcher } | undefined;

  constructor(settings: ServerSettings) {
    this.#settings = settings;
    this.http = createServer((request, response) => {
      this.#inFlight++;
      response.on("close", () => {
        this.#inFlight--;
        if (this.#inFlight === 0) this.#drained?.();
      });
      if (this.#drained) response.setHeader("connection", "close");
      this.#handle(request, response).catch((error: unknown) => this.#fail(response, error));
    });
    // The gateway keeps its connections: closing an idle one would race with a request on its way.
    this.http.keepAliveTimeout = 0;
  }

  /** From here on /ping is 200. */
  serve(model: Model, merge: boolean): void {
    this.#serving = { model, batcher: new Batcher(model, merge) };
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

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url?.split("?")[0];
    const methods =
      path === "/invocations"
        ? ["POST"]
        : path === "/ping" || path === "/execution-parameters"
          ? ["GET", "HEAD"]
          : undefined;
    if (!methods) throw new Refusal(404, "This server answers GET /ping and POST /invocations.");
    if (!methods.includes(request.method ?? "")) {
      response.setHeader("allow", methods.join(", "));
      throw new Refusal(405, `${path} takes ${methods[0]} only.`);
    }
    const serving = this.#serving;
    if (path === "/ping") return reply(response, serving ? 200 : 503, "text/plain", Buffer.alloc(0));
    if (path === "/execution-parameters") {
      const parameters = {
        MaxConcurrentTransforms: 1,
        BatchStrategy: "MULTI_RECORD",
        MaxPayloadInMB: Math.floor(this.#settings.maxBodyBytes / 2 ** 20),
      };
      return reply(response, 200, "application/json", Buffer.from(JSON.stringify(parameters)));
    }
    if (!serving) throw new Refusal(503, "The model is not loaded yet.");

    const body = await readBody(request, this.#settings.maxBodyBytes);
    const contentType = request.headers["content-type"];
    const answerType = chooseAnswer(request.headers.accept, contentType, this.#settings.defaultAccept);
    const { inputs, openInference } = decodeRequest(contentType, body, serving.model);
    const outputs = await serving.batcher.run(inputs, () => response.destroyed);
    const style = { format: serving.model.format, batch: this.#settings.batch, openInference };
    reply(response, 200, contentTypeHeader(answerType), encodeAnswer(answerType, outputs, style));
  }

  /** The caller's mistakes get their sentence; anything else is logged whole and answered in one sentence. */
  #fail(response: ServerResponse, error: unknown): void {
    if (response.destroyed) return;
    const status = error instanceof InvalidInput ? 400 : error instanceof Refusal ? error.status : 500;
    const message = error instanceof Error ? error.message : String(error);
    if (status === 500) this.#settings.log(`Request failed: ${message.replaceAll(/\s*\n\s*/g, " ")}`);
    // What is left of a body that was not read would be taken for the next request.
    if (!response.req.complete) response.setHeader("connection", "close");
    reply(response, status, "text/plain; charset=utf-8", Buffer.from(message));
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
