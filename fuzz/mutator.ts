import type { Random } from "../src/base/random.ts";

/** Numbers at which lengths and counters go wrong. */
const NUMBERS = [
  "0",
  "-1",
  "1",
  "2",
  "127",
  "128",
  "255",
  "256",
  "4096",
  "65535",
  "65536",
  "2147483647",
  "2147483648",
  "4294967295",
  "9007199254740993",
  "18446744073709551616",
  "99999999999999999999999",
  "1e309",
  "1e-400",
  "-0",
  "0x10",
  "NaN",
];
const WORDS = [
  0, 1, 2, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000, 0xfffffff0, 0xffffffff,
];

/** What readers take for space, ends and structure, and where a byte's sorts begin and end. */
const BYTES = Buffer.from("\0\t\n\v\f\r \"#%&',./:;<=>?[\\]{}\x7f\x80\x85\xa0\xad\xc0\xe2\xff", "latin1");

/** Changes inputs at random; the same seed makes the same changes. */
export class Mutator {
  readonly #random: Random;
  readonly #dictionary: readonly Buffer[];
  readonly #room: Buffer;
  readonly #spare: Buffer;
  #length = 0;

  constructor(random: Random, dictionary: readonly string[], maxLength: number) {
    this.#random = random;
    this.#dictionary = dictionary.map((word) => Buffer.from(word, isLatin1(word) ? "latin1" : "utf8"));
    this.#room = Buffer.alloc(maxLength);
    this.#spare = Buffer.alloc(maxLength);
  }

  /** A changed copy, valid until the next call; `other` lends pieces. */
  mutate(input: Uint8Array, other: Uint8Array): Buffer {
    this.#length = Math.min(input.length, this.#room.length);
    this.#room.set(input.subarray(0, this.#length));
    do this.#change(other);
    while (this.#below(3) > 0);
    return this.#room.subarray(0, this.#length);
  }

  #below(limit: number): number {
    return Math.floor(this.#random.number() * limit);
  }

  #change(other: Uint8Array): void {
    const room = this.#room;
    const length = this.#length;
    const at = this.#below(length + 1);
    const inside = Math.min(at, length - 1);
    switch (this.#below(length ? 15 : 3)) {
      case 0:
        return this.#replace(at, 0, Buffer.of(this.#byte()));
      case 1:
      case 2:
        return this.#replace(at, this.#below(3) ? 0 : this.#span(length - at), this.#word());
      case 3:
        room[inside]! ^= 1 << this.#below(8);
        return;
      case 4:
        room[inside] = this.#byte();
        return;
      case 5:
        return this.#replace(at, this.#span(length - at), EMPTY);
      case 6: {
        const from = this.#below(length);
        return this.#replace(at, 0, this.#copy(room, from, this.#span(length - from)));
      }
      case 7: {
        const from = this.#below(other.length);
        return this.#replace(
          at,
          this.#below(2) ? this.#span(length - at) : 0,
          this.#copy(other, from, this.#span(other.length - from)),
        );
      }
      case 8:
        // crossing over: the head of one, the tail of the other
        return this.#replace(at, length - at, this.#copy(other, this.#below(other.length + 1), other.length));
      case 9:
        return this.#number(inside);
      case 10: {
        const value = this.#below(2) ? WORDS[this.#below(WORDS.length)]! : length;
        const size = [1, 2, 4][this.#below(3)]!;
        if (at + size > length) return;
        const cut = size === 4 ? value : value % 2 ** (8 * size);
        if (this.#below(2)) room.writeUIntBE(cut, at, size);
        else room.writeUIntLE(cut, at, size);
        return;
      }
      case 11: {
        const from = this.#below(length);
        const part = Buffer.from(room.subarray(from, from + Math.min(8, this.#span(length - from))));
        const times = 1 << this.#below(8);
        return this.#replace(at, 0, Buffer.concat(Array.from({ length: times }, () => part)));
      }
      case 12:
        room[inside] = room[this.#below(length)]!;
        return;
      case 14: {
        // in its place: what stands behind it in blocks of fixed size stays where it is
        const word = this.#word();
        return this.#replace(at, Math.min(word.length, length - at), word);
      }
      case 13:
        room[inside] = room[inside]! + (this.#below(2) ? 1 : -1);
        return;
    }
  }

  #byte(): number {
    return this.#below(2) ? BYTES[this.#below(BYTES.length)]! : this.#below(256);
  }

  /** Mostly short. */
  #span(limit: number): number {
    return Math.min(limit, 1 + this.#below(1 << (1 + this.#below(8))));
  }

  #word(): Buffer {
    const word = this.#dictionary[this.#below(this.#dictionary.length)];
    return word ?? Buffer.from(NUMBERS[this.#below(NUMBERS.length)]!);
  }

  /** Another number for the digits at a place. */
  #number(at: number): void {
    const room = this.#room;
    let from = at;
    while (from < this.#length && !isDigit(room[from]!)) from++;
    let to = from;
    while (to < this.#length && isDigit(room[to]!)) to++;
    if (from === to) return;
    const value = Number(room.toString("latin1", from, to));
    const text = this.#below(2) ? String(value + this.#below(5) - 2) : NUMBERS[this.#below(NUMBERS.length)]!;
    this.#replace(from, to - from, Buffer.from(text));
  }

  #copy(source: Uint8Array, from: number, length: number): Buffer {
    const end = Math.min(source.length, from + length);
    this.#spare.set(source.subarray(from, end));
    return this.#spare.subarray(0, end - from);
  }

  #replace(at: number, gone: number, instead: Uint8Array): void {
    const room = this.#room;
    const added = Math.min(instead.length, room.length - at);
    const rest = Math.min(this.#length - at - gone, room.length - at - added);
    room.copyWithin(at + added, at + gone, at + gone + rest);
    room.set(instead.subarray(0, added), at);
    this.#length = at + added + rest;
  }
}

const EMPTY = Buffer.alloc(0);
const isDigit = (byte: number) => byte >= 0x30 && byte <= 0x39;
// a literal such as "\x93NUMPY" stands for bytes
const isLatin1 = (text: string) => /^[\0-\xff]*$/.test(text);
