import { Fault, Gathered } from "./http.ts";

/** A byte stream read by line and by length, never holding more than was asked for plus one chunk. */
export class ByteReader {
  #rest: Buffer = Buffer.alloc(0);
  readonly #source: AsyncIterator<Uint8Array>;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** The text before the next CRLF, which is taken too. */
  async line(maxLength: number): Promise<string> {
    for (;;) {
      const end = this.#rest.indexOf("\r\n");
      if (end > maxLength || (end < 0 && this.#rest.length > maxLength + 1))
        throw new Fault("IncompleteBody", `A line of the chunked body is longer than ${maxLength} bytes.`);
      if (end >= 0) {
        const line = this.#rest.toString("latin1", 0, end);
        this.#rest = this.#rest.subarray(end + 2);
        return line;
      }
      if (!(await this.#more())) throw new Fault("IncompleteBody", "The body ended in the middle of a line.");
    }
  }

  /** Exactly so many bytes. */
  async take(length: number): Promise<Buffer> {
    const gathered = new Gathered();
    for await (const part of this.stream(length)) gathered.add(part);
    return gathered.bytes();
  }

  /** Exactly so many bytes, piece by piece. */
  async *stream(length: number): AsyncGenerator<Uint8Array> {
    for (let left = length; left > 0;) {
      if (await this.ended()) throw new Fault("IncompleteBody", "The body ended too early.");
      const part = this.#rest.subarray(0, left);
      this.#rest = this.#rest.subarray(part.length);
      left -= part.length;
      yield part;
    }
  }

  /** Whether nothing is left. */
  async ended(): Promise<boolean> {
    while (this.#rest.length === 0) if (!(await this.#more())) return true;
    return false;
  }

  async #more(): Promise<boolean> {
    const { value, done } = await this.#source.next();
    if (done) return false;
    const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    this.#rest = this.#rest.length ? Buffer.concat([this.#rest, bytes]) : bytes;
    return true;
  }
}
