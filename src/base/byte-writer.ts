/** Below this, a loop costs less than a call of the copy. */
const SMALL = 24;

/** Collects bytes that are written piece by piece. */
export class ByteWriter {
  #bytes: Buffer;
  #length = 0;

  /** `expected`: about as many as there will be. */
  constructor(expected: number) {
    this.#bytes = Buffer.allocUnsafe(Math.max(64, expected));
  }

  copy(bytes: Buffer, from: number, to: number): void {
    this.#reserve(to - from);
    if (to - from > SMALL) this.#length += bytes.copy(this.#bytes, this.#length, from, to);
    else for (let at = from; at < to; at++) this.#bytes[this.#length++] = bytes[at]!;
  }

  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
  }

  text(value: string): void {
    const bytes = Buffer.from(value);
    this.copy(bytes, 0, bytes.length);
  }

  /** What was written so far; the writer is not to be used after it. */
  get written(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  #reserve(count: number): void {
    if (this.#length + count <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#length + count));
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }
}
