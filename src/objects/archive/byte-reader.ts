/** Takes bytes off a stream of chunks in the portions that a format needs. */
export class ByteReader {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #chunk: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#chunks = source[Symbol.asyncIterator]();
  }

  /** Exactly `length` bytes; fewer only at the end of the stream. */
  async take(length: number): Promise<Buffer> {
    if (this.#chunk.length >= length) return this.#cut(length);
    const parts: Buffer[] = [];
    let missing = length;
    while (missing > 0) {
      const part = await this.some(missing);
      if (!part.length) break;
      parts.push(part);
      missing -= part.length;
    }
    return Buffer.concat(parts);
  }

  /** At least one and at most `length` bytes, whatever is there; none at the end of the stream. */
  async some(length: number): Promise<Buffer> {
    while (!this.#chunk.length) {
      const { done, value } = await this.#chunks.next();
      if (done) return Buffer.alloc(0);
      this.#chunk = Buffer.from(value.buffer, value.byteOffset, value.length);
    }
    return this.#cut(length);
  }

  #cut(length: number): Buffer {
    const cut = this.#chunk.subarray(0, length);
    this.#chunk = this.#chunk.subarray(length);
    return cut;
  }
}
