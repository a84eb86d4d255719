/** Numbers in few bytes: what points and sketches are kept and sent as. */

export class Packer {
  #bytes = new Uint8Array(64);
  #view = new DataView(this.#bytes.buffer);
  #size = 0;

  /** A whole number from 0 on: the smaller, the shorter. */
  whole(value: number): void {
    this.#room(8);
    let rest = value;
    // not with shifts, which end at 32 bits
    for (; rest >= 128; rest = Math.floor(rest / 128)) this.#bytes[this.#size++] = (rest % 128) | 128;
    this.#bytes[this.#size++] = rest;
  }

  /** A whole number of either sign. */
  signed(value: number): void {
    this.whole(value < 0 ? -2 * value - 1 : 2 * value);
  }

  real(value: number): void {
    this.#room(8);
    this.#view.setFloat64(this.#size, value);
    this.#size += 8;
  }

  bytes(value: Uint8Array): void {
    this.whole(value.length);
    this.#room(value.length);
    this.#bytes.set(value, this.#size);
    this.#size += value.length;
  }

  packed(): Uint8Array {
    return this.#bytes.slice(0, this.#size);
  }

  #room(size: number): void {
    if (this.#size + size <= this.#bytes.length) return;
    const larger = new Uint8Array(2 * this.#bytes.length + size);
    larger.set(this.#bytes);
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer);
  }
}

/** Reads what a Packer wrote, in the same order. Throws a RangeError behind the end. */
export class Unpacker {
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get done(): boolean {
    return this.#at >= this.#view.byteLength;
  }

  whole(): number {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = this.#view.getUint8(this.#at++);
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
  }

  signed(): number {
    const value = this.whole();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  real(): number {
    this.#at += 8;
    return this.#view.getFloat64(this.#at - 8);
  }

  bytes(): Uint8Array {
    const size = this.whole();
    if (this.#at + size > this.#view.byteLength) throw new RangeError("The bytes end too early.");
    this.#at += size;
    return new Uint8Array(this.#view.buffer, this.#view.byteOffset + this.#at - size, size);
  }
}
