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
  /** Counts by bucket; of negative values by the bucket of their amount. */
  #above = new Map<number, number>();
  #below = new Map<number, number>();

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
    const bucket = this.#bucket(amount);
    const side = value > 0 ? this.#above : this.#below;
    side.set(bucket, (side.get(bucket) ?? 0) + count);
    if (this.#above.size + this.#below.size > MAX_BUCKETS) this.#coarsen();
  }

  merge(other: Sketch): void {
    while (this.#level < other.#level) this.#coarsen();
    const halvings = this.#level - other.#level;
    for (const [to, from] of [
      [this.#above, other.#above],
      [this.#below, other.#below],
    ] as const)
      for (const [bucket, count] of from) {
        const joined = Math.ceil(bucket / 2 ** halvings);
        to.set(joined, (to.get(joined) ?? 0) + count);
      }
    this.#count += other.#count;
    this.#zeros += other.#zeros;
    while (this.#above.size + this.#below.size > MAX_BUCKETS) this.#coarsen();
  }

  /** The value that this share (0 to 1) of the values do not exceed; NaN without values. */
  quantile(share: number): number {
    const rank = share * this.#count;
    let seen = 0;
    let last = NaN;
    for (const [value, count] of this.#ascending()) {
      seen += count;
      last = value;
      // a sum of many fractions may fall short by its last digits
      if (seen >= rank - 1e-9 * this.#count) break;
    }
    return last;
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
    const counts = [this.#zeros, ...this.#above.values(), ...this.#below.values()];
    // CloudWatch takes fractions of values
    const fractions = !counts.every(Number.isSafeInteger);
    const put = (count: number) => (fractions ? packer.real(count) : packer.whole(count));
    packer.whole(2 * this.#level + (fractions ? 1 : 0));
    put(this.#zeros);
    for (const side of [this.#above, this.#below]) {
      packer.whole(side.size);
      let last = 0;
      for (const [bucket, count] of [...side].sort(([a], [b]) => a - b)) {
        packer.signed(bucket - last);
        put(count);
        last = bucket;
      }
    }
    return packer.packed();
  }

  /** Throws a RangeError when the bytes are no sketch. */
  static unpack(bytes: Uint8Array): Sketch {
    const sketch = new Sketch();
    const unpacker = new Unpacker(bytes);
    const head = unpacker.whole();
    const take = () => (head % 2 === 1 ? unpacker.real() : unpacker.whole());
    sketch.#level = Math.floor(head / 2);
    sketch.#zeros = sketch.#count = take();
    for (const side of [sketch.#above, sketch.#below]) {
      let bucket = 0;
      for (let left = unpacker.whole(); left > 0; left--) {
        bucket += unpacker.signed();
        const count = take();
        side.set(bucket, count);
        sketch.#count += count;
      }
    }
    return sketch;
  }

  /** Values, each for those of its bucket, and how many these are. */
  *#ascending(): Generator<readonly [value: number, count: number]> {
    const falling = [...this.#below].sort(([a], [b]) => b - a);
    for (const [bucket, count] of falling) yield [-this.#middle(bucket), count];
    if (this.#zeros > 0) yield [0, this.#zeros];
    const rising = [...this.#above].sort(([a], [b]) => a - b);
    for (const [bucket, count] of rising) yield [this.#middle(bucket), count];
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

  #coarsen(): void {
    this.#level++;
    this.#above = joined(this.#above);
    this.#below = joined(this.#below);
  }
}

function joined(buckets: ReadonlyMap<number, number>): Map<number, number> {
  const result = new Map<number, number>();
  for (const [bucket, count] of buckets) {
    const to = Math.ceil(bucket / 2);
    result.set(to, (result.get(to) ?? 0) + count);
  }
  return result;
}
