/** The chunked transfer coding from the reading side; extensions and trailers are read over. */
import { BadAnswer, MAX_HEAD } from "./response-head.ts";

const LF = 10;
/** Chunk extensions included. */
const MAX_LINE = 1024;
const SIZE = /^([0-9a-f]{1,12})[ \t]*(?:;.*)?$/i;

export class ChunkedBody {
  #state: "size" | "data" | "after" | "trailers" = "size";
  /** Bytes of the chunk that are still to come. */
  #left = 0;
  #line = "";
  #trailers = 0;

  /** Hands on what of the body is in these bytes. Returns where the body ended in them; undefined if it goes on. */
  take(bytes: Buffer, onData: (data: Buffer) => void): number | undefined {
    let at = 0;
    while (at < bytes.length) {
      if (this.#state === "data") {
        const data = bytes.subarray(at, at + this.#left);
        at += data.length;
        this.#left -= data.length;
        if (this.#left === 0) this.#state = "after";
        onData(data);
        continue;
      }
      const lf = bytes.indexOf(LF, at);
      const end = lf < 0 ? bytes.length : lf + 1;
      this.#line += bytes.toString("latin1", at, end);
      at = end;
      if (this.#line.length > MAX_LINE) throw new BadAnswer("a line too long in a chunked body");
      if (lf < 0) return undefined;
      const line = this.#line;
      this.#line = "";
      if (!line.endsWith("\r\n")) throw new BadAnswer("a malformed chunk");
      if (this.#endOf(line.slice(0, -2))) return at;
    }
    return undefined;
  }

  /** Goes on by a whole line; true when it was the body's last. */
  #endOf(line: string): boolean {
    if (this.#state === "size") {
      const size = SIZE.exec(line)?.[1];
      if (size === undefined) throw new BadAnswer("a malformed chunk size");
      this.#left = Number.parseInt(size, 16);
      this.#state = this.#left === 0 ? "trailers" : "data";
    } else if (this.#state === "after") {
      if (line !== "") throw new BadAnswer("a chunk longer than its size");
      this.#state = "size";
    } else {
      if (line === "") return true;
      if ((this.#trailers += line.length) > MAX_HEAD) throw new BadAnswer("trailers too long");
    }
    return false;
  }
}
