/** Messages between control and gateways: a line of JSON each, bounded both ways. */
import type { Socket } from "node:net";

const LF = 10;

/** A peer that lets so much pile up is cut; it comes back, and is told what it lacks. */
const MAX_UNREAD = 64 << 20;

/** Longest message: a part of a routing table, with the largest route that comes with it. */
const MAX_MESSAGE = 16 << 20;

export class MessageSocket {
  readonly #socket: Socket;
  readonly #onMessage: (message: unknown) => void;
  #held: Buffer[] = [];
  #size = 0;

  /** A message that can not be read, or whose reader throws, ends the connection; `onClose` hears of each end. */
  constructor(socket: Socket, onMessage: (message: unknown) => void, onClose: (error?: Error) => void) {
    this.#socket = socket;
    this.#onMessage = onMessage;
    let failure: Error | undefined;
    socket.on("data", (bytes: Buffer) => {
      try {
        this.#take(bytes);
      } catch (error) {
        socket.destroy(error as Error);
      }
    });
    socket.on("error", (error) => (failure = error));
    socket.on("close", () => onClose(failure));
  }

  /** Sends a message, or several that are written already, an end of line after each. */
  send(message: object | string): void {
    if (this.#socket.destroyed) return;
    this.#socket.write(typeof message === "string" ? message : `${JSON.stringify(message)}\n`);
    if (this.#socket.writableLength > MAX_UNREAD) this.#socket.destroy(new Error("it does not read"));
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #take(bytes: Buffer): void {
    let rest = bytes;
    for (let end = rest.indexOf(LF); end >= 0; end = rest.indexOf(LF)) {
      const line = Buffer.concat([...this.#held.splice(0), rest.subarray(0, end)]);
      this.#size = 0;
      rest = rest.subarray(end + 1);
      this.#onMessage(JSON.parse(line.toString()));
      if (this.#socket.destroyed) return;
    }
    if (rest.length === 0) return;
    this.#held.push(rest);
    if ((this.#size += rest.length) > MAX_MESSAGE) throw new Error("a message too long");
  }
}
