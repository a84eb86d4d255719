/**
 * How values lie, in little room: counts of values by their logarithm (DDSketch, arXiv:1908.10693), so that what is said
 * of a value is within 1 % of it. Sketches can be added up. A sketch with more than MAX_BUCKETS joins them two by two
 * (UDDSketch, arXiv:2004.08604), for which values have to lie in more than 15 orders of magnitude.
 */
import { Packer, Unpacker } from "./packing.ts";

const ACCURACY = 0.0099;
const MAX_BUCKETS = 2048;
const LOG_GAMMA = Math.log((1 + ACCURACY) / (1 - ACCURACY));
/** Nearer to zero than anything that is measured. */
const SMALLEST = 1e-300;

/** Values in a range of ranks: how many, and their sum. */
export interface Part {
  readonly count: number;
  readonly sum: number;
}

export class Sketch {
  #count = 0;
  #zeros = 0;
  /** How often buckets were joined. */
  #level = 0;
  readonly #above = new Buckets();
  /** Of negative values, by the bucket of their amount. */
  readonly #below = new Buckets();

  get count(): number {
    return this.#count;
  }

  add(value: number, count = 1): void {
    this.#count += count;
    const amount = Math.abs(value);
    if (amount < SMALLEST) {
      this.#zeros += count;
      return;
    }
    (value > 0 ? this.#above : this.#below).add(this.#bucket(amount), count);
    this.#fit();
  }

  merge(other: Sketch): void {
    while (this.#level < other.#level) this.#coarsen();
    const width = 2 ** (this.#level - other.#level);
    this.#above.merge(other.#above, width);
    this.#below.merge(other.#below, width);
    this.#count += other.#count;
    this.#zeros += other.#zeros;
    this.#fit();
  }

  /** The value that this share (0 to 1) of the values do not exceed; NaN without values. */
  quantile(share: number): number {
    if (this.#count === 0) return NaN;
    const { keys: low, counts: lowCounts } = this.#below;
    const { keys: high, counts: highCounts } = this.#above;
    // a sum of many fractions may fall short by its last digits
    const rank = share * this.#count - 1e-9 * this.#count;
    let seen = 0;
    for (let index = low.length - 1; index >= 0; index--)
      if ((seen += lowCounts[index]!) >= rank) return -this.#middle(low[index]!);
    if (this.#zeros > 0 && (seen += this.#zeros) >= rank) return 0;
    for (let index = 0; index < high.length; index++)
      if ((seen += highCounts[index]!) >= rank) return this.#middle(high[index]!);
    return high.length > 0 ? this.#middle(high.at(-1)!) : 0;
  }

  /** The values between two shares (0 to 1) of them in their order. */
  between(from: number, to: number): Part {
    const low = from * this.#count;
    const high = to * this.#count;
    let seen = 0;
    const part = { count: 0, sum: 0 };
    for (const [value, count] of this.#ascending()) {
      const within = Math.min(seen + count, high) - Math.max(seen, low);
      if (within > 0) {
        part.count += within;
        part.sum += within * value;
      }
      seen += count;
    }
    return part;
  }

  /** The values above `from` and up to `to`; those that can't be told from a bound count as equal to it. */
  within(from: number, to: number): Part {
    const low = this.#seenAs(from);
    const high = this.#seenAs(to);
    const part = { count: 0, sum: 0 };
    for (const [value, count] of this.#ascending())
      if (value > low && value <= high) {
        part.count += count;
        part.sum += count * value;
      }
    return part;
  }

  pack(): Uint8Array {
    const packer = new Packer();
    const sides = [this.#above, this.#below];
    // CloudWatch takes fractions of values
    const fractions = ![this.#zeros, ...sides.flatMap(({ counts }) => counts)].every(Number.isSafeInteger);
    const put = (count: number) => (fractions ? packer.real(count) : packer.whole(count));
    packer.whole(2 * this.#level + (fractions ? 1 : 0));
    put(this.#zeros);
    for (const { keys, counts } of sides) {
      packer.whole(keys.length);
      let last = 0;
      for (const [index, key] of keys.entries()) {
        packer.signed(key - last);
        put(counts[index]!);
        last = key;
      }
    }
    return packer.packed();
  }

  /** Throws a RangeError when the bytes are no sketch. */
  static unpack(bytes: Uint8Array): Sketch {
    const sketch = new Sketch();
    const unpacker = new Unpacker(bytes);
    const head = unpacker.whole();
    const fractions = head % 2 === 1;
    sketch.#level = Math.floor(head / 2);
    sketch.#zeros = sketch.#count = fractions ? unpacker.real() : unpacker.whole();
    for (const side of [sketch.#above, sketch.#below]) {
      let key = 0;
      for (let left = unpacker.whole(); left > 0; left--) {
        key += unpacker.signed();
        const count = fractions ? unpacker.real() : unpacker.whole();
        side.add(key, count);
        sketch.#count += count;
      }
    }
    return sketch;
  }

  /** Values, each for those of its bucket, and how many these are. */
  *#ascending(): Generator<readonly [value: number, count: number]> {
    const { keys: low, counts: lowCounts } = this.#below;
    for (let index = low.length - 1; index >= 0; index--)
      yield [-this.#middle(low[index]!), lowCounts[index]!];
    if (this.#zeros > 0) yield [0, this.#zeros];
    const { keys: high, counts: highCounts } = this.#above;
    for (let index = 0; index < high.length; index++) yield [this.#middle(high[index]!), highCounts[index]!];
  }

  #bucket(amount: number): number {
    return Math.ceil(Math.log(amount) / LOG_GAMMA / 2 ** this.#level);
  }

  /** What stands for a value. */
  #seenAs(value: number): number {
    const amount = Math.abs(value);
    if (amount === Infinity) return value;
    return amount < SMALLEST ? 0 : Math.sign(value) * this.#middle(this.#bucket(amount));
  }

  /** Not farther from either end of the bucket, in parts of it, than from the other. */
  #middle(bucket: number): number {
    const log = LOG_GAMMA * 2 ** this.#level;
    return (2 * Math.exp(log * bucket)) / (Math.exp(log) + 1);
  }

  #fit(): void {
    while (this.#above.keys.length + this.#below.keys.length > MAX_BUCKETS) this.#coarsen();
  }

  #coarsen(): void {
    this.#level++;
    this.#above.join();
    this.#below.join();
  }
}

/** Counts by bucket, in the order of the buckets. */
class Buckets {
  keys: number[] = [];
  counts: number[] = [];

  add(key: number, count: number): void {
    const { keys, counts } = this;
    // mostly they come in order
    if (keys.length === 0 || keys[keys.length - 1]! < key) {
      keys.push(key);
      counts.push(count);
      return;
    }
    let low = 0;
    let high = keys.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (keys[middle]! < key) low = middle + 1;
      else high = middle;
    }
    if (keys[low] === key) return void (counts[low]! += count);
    keys.splice(low, 0, key);
    counts.splice(low, 0, count);
  }

  /** Adds others, of which so many are one of these. */
  merge({ keys, counts }: Buckets, width: number): void {
    for (let index = 0; index < keys.length; index++)
      this.add(Math.ceil(keys[index]! / width), counts[index]!);
  }

  /** Two become one. */
  join(): void {
    const { keys, counts } = this;
    this.keys = [];
    this.counts = [];
    for (let index = 0; index < keys.length; index++) this.add(Math.ceil(keys[index]! / 2), counts[index]!);
  }
}
