/** What is known of the values of some span of time. */
import type { Packer, Unpacker } from "./packing.ts";
import { Sketch } from "./sketch.ts";

export interface Point {
  readonly sum: number;
  readonly count: number;
  readonly min: number;
  readonly max: number;
  /** How the values lie; undefined where that is not known of all of them: a statistic set does not tell it. */
  readonly sketch: Sketch | undefined;
}

/** A point that grows. As long as all of its values are equal, no sketch of them is needed. */
export class Accumulator implements Point {
  sum = 0;
  count = 0;
  min = Infinity;
  max = -Infinity;
  #sketch: Sketch | undefined;
  #unknown = false;

  get sketch(): Sketch | undefined {
    if (this.#unknown) return undefined;
    return this.#sketch ?? this.#equal();
  }

  add(value: number, count = 1): void {
    if (value !== this.min && this.count > 0 && !this.#unknown) this.#sketch ??= this.#equal();
    this.#sketch?.add(value, count);
    this.#count(value * count, count, value, value);
  }

  merge({ sum, count, min, max, sketch }: Point): void {
    if (count === 0) return;
    if (!sketch) {
      this.#unknown = true;
      this.#sketch = undefined;
    } else if (!this.#unknown && !(min === max && (this.count === 0 || min === this.min) && !this.#sketch)) {
      this.#sketch ??= this.#equal();
      this.#sketch.merge(sketch);
    }
    this.#count(sum, count, min, max);
  }

  #count(sum: number, count: number, min: number, max: number): void {
    this.sum += sum;
    this.count += count;
    if (min < this.min) this.min = min;
    if (max > this.max) this.max = max;
  }

  /** What a sketch of values that are all equal is. */
  #equal(): Sketch {
    const sketch = new Sketch();
    if (this.count > 0) sketch.add(this.min, this.count);
    return sketch;
  }
}

/** Some equal values. */
export function pointOf(value: number, count = 1): Point {
  const point = new Accumulator();
  point.add(value, count);
  return point;
}

/** CloudWatch's statistic set: as good as the values themselves only where all of them are equal. */
export function statisticSet(sum: number, count: number, min: number, max: number): Point {
  return min === max ? pointOf(min, count) : { sum, count, min, max, sketch: undefined };
}

const EQUAL = 0;
const KNOWN = 1;
const UNKNOWN = 2;

export function packPoint(packer: Packer, { sum, count, min, max, sketch }: Point): void {
  const kind = !sketch ? UNKNOWN : min === max ? EQUAL : KNOWN;
  packer.whole(kind);
  packer.real(min);
  packer.real(count);
  if (kind === EQUAL) return;
  packer.real(max);
  packer.real(sum);
  if (kind === KNOWN) packer.bytes(sketch!.pack());
}

/** Reads what packPoint wrote. */
export function unpackPoint(unpacker: Unpacker): Point {
  const kind = unpacker.whole();
  const min = unpacker.real();
  const count = unpacker.real();
  if (kind === EQUAL) return pointOf(min, count);
  const max = unpacker.real();
  const sum = unpacker.real();
  return new UnpackedPoint(sum, count, min, max, kind === KNOWN ? unpacker.bytes() : undefined);
}

/** Its sketch is unpacked when it is asked for: most who read a point do not. */
class UnpackedPoint implements Point {
  readonly sum: number;
  readonly count: number;
  readonly min: number;
  readonly max: number;
  readonly #packed: Uint8Array | undefined;

  constructor(sum: number, count: number, min: number, max: number, packed: Uint8Array | undefined) {
    this.sum = sum;
    this.count = count;
    this.min = min;
    this.max = max;
    this.#packed = packed;
  }

  get sketch(): Sketch | undefined {
    return this.#packed && Sketch.unpack(this.#packed);
  }
}
