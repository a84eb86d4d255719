import { crc32c } from "./crc32c.ts";
import { BrokenRecord, type RecordSplitter } from "./record-splitter.ts";

const HEAD = 12;
const FOOT = 4;

/** TensorFlow's TFRecord: u64 length | masked CRC-32C of the length | data | masked CRC-32C of the data, little-endian. */
export class TfRecord implements RecordSplitter {
  readonly blank = false;
  /** The head's bytes, then the foot's. */
  readonly #frame = Buffer.alloc(HEAD + FOOT);
  #framed = 0;
  #left = 0;
  #crc = 0;

  next(chunk: Buffer, from: number): number {
    let at = from;
    if (this.#framed < HEAD) {
      at = this.#collect(chunk, at, HEAD);
      if (this.#framed < HEAD) return -1;
      this.#open();
    }
    const data = Math.min(this.#left, chunk.length - at);
    this.#crc = crc32c(this.#crc, chunk, at, at + data);
    this.#left -= data;
    if (this.#left > 0) return -1;
    at = this.#collect(chunk, at + data, HEAD + FOOT);
    if (this.#framed < HEAD + FOOT) return -1;
    if (this.#frame.readUInt32LE(HEAD) !== masked(this.#crc))
      throw new BrokenRecord("is damaged: the checksum of its data is wrong");
    this.#framed = 0;
    return at;
  }

  finish(): boolean {
    if (this.#framed === 0) return false;
    throw new BrokenRecord("is not complete: the object ends within it");
  }

  dataOf(record: Buffer): Buffer {
    return record.subarray(HEAD, -FOOT);
  }

  #collect(chunk: Buffer, at: number, to: number): number {
    const take = Math.min(to - this.#framed, chunk.length - at);
    chunk.copy(this.#frame, this.#framed, at, at + take);
    this.#framed += take;
    return at + take;
  }

  #open(): void {
    if (this.#frame.readUInt32LE(8) !== masked(crc32c(0, this.#frame, 0, 8)))
      throw new BrokenRecord("is no TFRecord: the checksum of its length is wrong");
    this.#left = Number(this.#frame.readBigUInt64LE(0));
    this.#crc = 0;
  }
}

/** As TensorFlow stores a CRC, so that the CRC of data that holds CRCs is no special value. */
function masked(crc: number): number {
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}
