import { connect, type Socket } from "node:net";

/** One keep-alive HTTP/1.1 connection with one request at a time: as little work as can be, so that the server is what is measured. */
export class WireClient {
  readonly #socket: Socket;
  #received: Buffer = Buffer.alloc(0);
  #answered: ((status: number) => void) | undefined;
  #failed: ((error: Error) => void) | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on("data", (chunk: Buffer) => this.#take(chunk));
    socket.on("error", (error) => this.#failed?.(error));
    socket.on("close", () => this.#failed?.(new Error("the server closed the connection")));
  }

  static open(url: URL): Promise<WireClient> {
    return new Promise((resolve, reject) => {
      const socket = connect(Number(url.port), url.hostname);
      socket.once("error", reject);
      socket.once("connect", () => resolve(new WireClient(socket)));
    });
  }

  /** Sends the bytes of a request and gives the status of its answer, once all of that is there. */
  ask(request: Buffer): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#answered = resolve;
      this.#failed = reject;
      this.#socket.write(request);
    });
  }

  close(): void {
    this.#failed = undefined;
    this.#socket.destroy();
  }

  #take(chunk: Buffer): void {
    this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
    const head = this.#received.indexOf("\r\n\r\n");
    if (head < 0) return;
    const text = this.#received.toString("latin1", 0, head + 2);
    const length = /\r\ncontent-length: *(\d+)\r\n/i.exec(text)?.[1];
    const complete =
      length === undefined
        ? this.#received.subarray(-5).equals(LAST_CHUNK)
        : this.#received.length >= head + 4 + Number(length);
    if (!complete) return;
    this.#received = this.#received.subarray(this.#received.length);
    this.#answered?.(Number(text.slice(9, 12)));
  }
}

const LAST_CHUNK = Buffer.from("0\r\n\r\n");
