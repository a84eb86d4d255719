import { connect, type Socket } from "node:net";

/** Answers are read into this much memory, used again and again; a longer one is only looked through. */
const BUFFER_BYTES = 65_536;
const HEAD_END = Buffer.from("\r\n\r\n");
const LAST_CHUNK = "0\r\n\r\n";

/** One keep-alive HTTP/1.1 connection with one request at a time: as little work as can be, so that the server is what is measured. */
export class WireClient {
  readonly #socket: Socket;
  /** The start of an answer whose head is not whole yet. */
  #begun: Buffer | undefined;
  #status = 0;
  /** Bytes of the body that are still to come; -1 while the head is read, -2 for a chunked one. */
  #left = -1;
  #tail = "";
  #answered: ((status: number) => void) | undefined;
  #failed: ((error: Error) => void) | undefined;

  private constructor(url: URL) {
    const buffer = Buffer.allocUnsafe(BUFFER_BYTES);
    this.#socket = connect({
      port: Number(url.port),
      host: url.hostname,
      noDelay: true,
      onread: {
        buffer,
        callback: (length) => {
          this.#take(buffer.subarray(0, length));
          return true;
        },
      },
    });
    this.#socket.on("error", (error) => this.#failed?.(error));
    this.#socket.on("close", () => this.#failed?.(new Error("the server closed the connection")));
  }

  static open(url: URL): Promise<WireClient> {
    return new Promise((resolve, reject) => {
      const client = new WireClient(url);
      client.#failed = reject;
      client.#socket.once("connect", () => resolve(client));
    });
  }

  /** Sends the bytes of a request and tells the status of its answer, once all of that is there. */
  ask(request: Buffer, answered: (status: number) => void, failed: (error: Error) => void): void {
    this.#answered = answered;
    this.#failed = failed;
    this.#socket.write(request);
  }

  close(): void {
    this.#failed = undefined;
    this.#socket.destroy();
  }

  #take(chunk: Buffer): void {
    if (this.#left === -1) this.#head(chunk);
    else this.#body(chunk);
  }

  #head(chunk: Buffer): void {
    const bytes = this.#begun ? Buffer.concat([this.#begun, chunk]) : chunk;
    const end = bytes.indexOf(HEAD_END);
    if (end < 0) {
      // The chunk's memory is used again.
      this.#begun = Buffer.from(bytes);
      return;
    }
    this.#begun = undefined;
    const head = bytes.toString("latin1", 0, end + 2);
    this.#status = Number(head.slice(9, 12));
    this.#left = Number(/\r\ncontent-length: *(\d+)\r\n/i.exec(head)?.[1] ?? -2);
    this.#tail = "";
    this.#body(bytes.subarray(end + HEAD_END.length));
  }

  #body(chunk: Buffer): void {
    if (this.#left === -2) {
      this.#tail = (this.#tail + chunk.toString("latin1", Math.max(0, chunk.length - 5))).slice(-5);
      if (this.#tail !== LAST_CHUNK) return;
    } else {
      this.#left -= chunk.length;
      if (this.#left > 0) return;
    }
    this.#left = -1;
    this.#answered?.(this.#status);
  }
}
