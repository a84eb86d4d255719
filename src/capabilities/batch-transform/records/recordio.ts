import { BrokenRecord, type RecordSplitter } from "./record-splitter.ts";

const MAGIC = 0xced7230a;
const MAGIC_BYTES = Buffer.from([0x0a, 0x23, 0xd7, 0xce]);
const HEAD = 8;

/**
 * MXNet's RecordIO: u32 magic | 3 bits of a flag, 29 of a length | data | padding to 4 bytes, little-endian. Data that
 * has the magic at a multiple of 4 is written as several parts without it: flag 1 the first, 2 between, 3 the last;
 * 0 is a record of one part (dmlc-core, include/dmlc/recordio.h).
 */
export class RecordIo implements RecordSplitter {
  readonly blank = false;
  readonly #head = Buffer.alloc(HEAD);
  #headed = 0;
  /** Bytes of data and padding that are still to come of the part. */
  #left = 0;
  #flag = 0;
  #parts = 0;

  next(chunk: Buffer, from: number): number {
    for (let at = from; ;) {
      if (this.#headed < HEAD) {
        const take = Math.min(HEAD - this.#headed, chunk.length - at);
        chunk.copy(this.#head, this.#headed, at, at + take);
        this.#headed += take;
        at += take;
        if (this.#headed < HEAD) return -1;
        this.#open();
      }
      const take = Math.min(this.#left, chunk.length - at);
      this.#left -= take;
      at += take;
      if (this.#left > 0) return -1;
      this.#headed = 0;
      this.#parts++;
      if (this.#flag === 0 || this.#flag === 3) {
        this.#parts = 0;
        return at;
      }
    }
  }

  finish(): boolean {
    if (this.#headed === 0 && this.#parts === 0) return false;
    throw new BrokenRecord("is not complete: the object ends within it");
  }

  dataOf(record: Buffer): Buffer {
    const parts: Buffer[] = [];
    for (let at = 0; at < record.length;) {
      const length = lengthOf(record.readUInt32LE(at + 4));
      at += HEAD;
      parts.push(record.subarray(at, at + length));
      at += padded(length);
      if (at < record.length) parts.push(MAGIC_BYTES);
    }
    return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
  }

  #open(): void {
    const magic = this.#head.readUInt32LE(0);
    if (magic !== MAGIC)
      throw new BrokenRecord(
        `is no RecordIO: it has 0x${magic.toString(16).padStart(8, "0")} where the magic number 0x${MAGIC.toString(16)} is expected`,
      );
    const word = this.#head.readUInt32LE(4);
    this.#flag = word >>> 29;
    if (this.#parts === 0 ? this.#flag > 1 : this.#flag !== 2 && this.#flag !== 3)
      throw new BrokenRecord(
        `is no RecordIO: its part ${this.#parts + 1} has the continuation flag ${this.#flag}`,
      );
    this.#left = padded(lengthOf(word));
  }
}

function lengthOf(word: number): number {
  return word & 0x1fffffff;
}

function padded(length: number): number {
  return (length + 3) & ~3;
}
