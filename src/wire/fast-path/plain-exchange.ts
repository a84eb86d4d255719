/** A plain request that is there as a whole, and its one answer. */
import { bodyOf, type HttpRequest } from "../http.ts";

/** What answers plain requests; a rejection is a bug, and costs the client its connection. */
export interface PlainService {
  /** Whether requests for this target are answered here; all others go the usual way. */
  takes(target: string): boolean;
  answer(exchange: PlainExchange): Promise<void>;
}

/** A POST whose body is there before anything is looked at. */
export class PlainRequest implements HttpRequest {
  readonly method = "POST";
  readonly rawQuery = "";
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly bytes: Buffer;

  constructor(path: string, headers: Readonly<Record<string, string>>, bytes: Buffer) {
    this.path = path;
    this.headers = headers;
    this.bytes = bytes;
  }

  get query(): URLSearchParams {
    return new URLSearchParams();
  }

  get body(): AsyncIterable<Uint8Array> {
    return bodyOf(this.bytes);
  }
}

/** Where an exchange's answer goes. */
export interface PlainReplies {
  reply(status: number, fields: readonly string[], body: Buffer, stallMs: number): void;
  decline(): void;
}

/** One request on a connection; it is told when the client left before it had its whole answer. */
export class PlainExchange {
  readonly request: PlainRequest;
  aborted = false;
  readonly #replies: PlainReplies;
  #listener: { handleEvent(): void } | undefined;

  constructor(request: PlainRequest, replies: PlainReplies) {
    this.request = request;
    this.#replies = replies;
  }

  /**
   * Sends the answer, with names and values by turns and the body's length beside them, once; nobody hears it when the
   * client is gone. A client that takes none of it for `stallMs` is cut.
   */
  reply(status: number, fields: readonly string[], body: Buffer, stallMs: number): void {
    if (!this.aborted) this.#replies.reply(status, fields, body, stallMs);
  }

  /** In place of an answer: the request, and all that comes on its connection, goes the usual way after all. */
  decline(): void {
    if (!this.aborted) this.#replies.decline();
  }

  /** The client left. */
  leave(): void {
    this.aborted = true;
    this.#listener?.handleEvent();
  }

  /** One listener at a time. */
  addEventListener(_type: "abort", listener: { handleEvent(): void }): void {
    this.#listener = listener;
  }

  removeEventListener(_type: "abort", listener: { handleEvent(): void }): void {
    if (this.#listener === listener) this.#listener = undefined;
  }
}
