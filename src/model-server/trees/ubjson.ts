/** Universal Binary JSON (draft 12), as XGBoost's save_model("model.ubj") writes it. */
import { InvalidModel } from "../model.ts";

/** XGBoost nests seven deep; more is no model. */
const MAX_DEPTH = 64;

/** Bytes per value of the types that may stand before a typed array. */
const SIZES: Readonly<Record<string, number>> = {
  i: 1,
  U: 1,
  I: 2,
  u: 2,
  l: 4,
  m: 4,
  L: 8,
  M: 8,
  d: 4,
  D: 8,
};

/**
 * Parses one document. Arrays of numbers with a type come as typed arrays (64-bit integers as numbers), objects
 * without a prototype.
 */
export function parseUbjson(bytes: Uint8Array): unknown {
  const reader = new UbjsonReader(bytes);
  const value = reader.value(reader.marker(), 0);
  if (reader.remaining > 0)
    throw new InvalidModel(`The UBJSON document ends ${reader.remaining} bytes before the file does.`);
  return value;
}

class UbjsonReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get remaining(): number {
    return this.#bytes.length - this.#at;
  }

  marker(): string {
    return String.fromCharCode(this.#bytes[this.#take(1)]!);
  }

  value(type: string, depth: number): unknown {
    if (depth > MAX_DEPTH)
      throw new InvalidModel(`The UBJSON document nests deeper than ${MAX_DEPTH} levels.`);
    switch (type) {
      case "{":
        return this.#object(depth);
      case "[":
        return this.#array(depth);
      case "S":
        return this.#text(this.#length());
      case "C":
        return this.marker();
      case "T":
        return true;
      case "F":
        return false;
      case "Z":
        return null;
      default:
        return this.#number(type);
    }
  }

  #object(depth: number): unknown {
    const result: Record<string, unknown> = Object.create(null);
    const { type, count } = this.#header();
    for (let i = 0; count === undefined ? !this.#skip("}") : i < count; i++) {
      const key = this.#text(this.#length());
      result[key] = this.value(type ?? this.marker(), depth + 1);
    }
    return result;
  }

  #array(depth: number): unknown {
    const { type, count } = this.#header();
    if (type !== undefined && type in SIZES) return this.#typedArray(type, count!);
    const result: unknown[] = [];
    for (let i = 0; count === undefined ? !this.#skip("]") : i < count; i++)
      result.push(this.value(type ?? this.marker(), depth + 1));
    return result;
  }

  #typedArray(type: string, count: number): ArrayLike<number> {
    if (count * SIZES[type]! > this.remaining) this.#truncated();
    const result =
      type === "d" ? new Float32Array(count) : type === "U" ? new Uint8Array(count) : new Float64Array(count);
    for (let i = 0; i < count; i++) result[i] = this.#number(type);
    return result;
  }

  /** The optional type and count of a container: `$` type `#` count. */
  #header(): { type?: string; count?: number } {
    const type = this.#skip("$") ? this.marker() : undefined;
    if (!this.#skip("#")) {
      if (type !== undefined)
        throw new InvalidModel("The UBJSON document has a typed container without a count.");
      return {};
    }
    const count = this.#length();
    if (type === undefined) return { count };
    // These take no bytes, so a few bytes could ask for any number of them.
    if ("TFZN".includes(type))
      throw new InvalidModel(`The UBJSON document has a container of the type '${type}'.`);
    return { type, count };
  }

  /** A length or count: each thing counted takes a byte at least. */
  #length(): number {
    const type = this.marker();
    if (!"iUIulmLM".includes(type))
      throw new InvalidModel(`The UBJSON document has a length of the type '${type}'.`);
    const length = this.#number(type);
    if (length < 0 || length > this.remaining) this.#truncated();
    return length;
  }

  #number(type: string): number {
    const view = this.#view;
    switch (type) {
      case "i":
        return view.getInt8(this.#take(1));
      case "U":
        return view.getUint8(this.#take(1));
      case "I":
        return view.getInt16(this.#take(2));
      case "u":
        return view.getUint16(this.#take(2));
      case "l":
        return view.getInt32(this.#take(4));
      case "m":
        return view.getUint32(this.#take(4));
      case "L":
        return Number(view.getBigInt64(this.#take(8)));
      case "M":
        return Number(view.getBigUint64(this.#take(8)));
      case "d":
        return view.getFloat32(this.#take(4));
      case "D":
        return view.getFloat64(this.#take(8));
      default:
        throw new InvalidModel(
          `The UBJSON document has a value of the unknown type '${type}' at byte ${this.#at - 1}.`,
        );
    }
  }

  #text(length: number): string {
    const start = this.#take(length);
    return Buffer.from(this.#bytes.buffer, this.#bytes.byteOffset + start, length).toString("utf8");
  }

  #skip(marker: string): boolean {
    if (this.#bytes[this.#at] !== marker.charCodeAt(0)) return false;
    this.#at++;
    return true;
  }

  #take(count: number): number {
    if (count > this.remaining) this.#truncated();
    const start = this.#at;
    this.#at += count;
    return start;
  }

  #truncated(): never {
    throw new InvalidModel(
      `The UBJSON document is cut off: it says more than its ${this.#bytes.length} bytes hold.`,
    );
  }
}
