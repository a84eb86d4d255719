import { hash } from "node:crypto";

const BLOCK = 64;
const DIGEST = 32;
/** Where what is hashed is put together; a text that does not fit gets memory of its own. */
const SCRATCH = Buffer.allocUnsafeSlow(1024);

/** A key of HMAC-SHA-256 for every invocation: RFC 2104 by two hashes at once, at half the cost of node's object for it. */
export class MacKey {
  readonly #inner = Buffer.alloc(BLOCK, 0x36);
  readonly #outer = Buffer.alloc(BLOCK, 0x5c);

  /** Of at most 64 bytes: longer ones would have to be hashed first. */
  constructor(key: Buffer) {
    if (key.length > BLOCK) throw new RangeError(`A key of ${key.length} bytes is too long.`);
    for (const [at, byte] of key.entries()) {
      this.#inner[at]! ^= byte;
      this.#outer[at]! ^= byte;
    }
  }

  /** In hex. */
  sign(text: string): string {
    const length = BLOCK + Buffer.byteLength(text);
    const bytes = length <= SCRATCH.length ? SCRATCH : Buffer.allocUnsafe(length);
    bytes.set(this.#inner);
    bytes.write(text, BLOCK);
    const digest = hash("sha256", bytes.subarray(0, length), "binary");
    bytes.set(this.#outer);
    bytes.write(digest, BLOCK, "binary");
    return hash("sha256", bytes.subarray(0, BLOCK + DIGEST));
  }
}
