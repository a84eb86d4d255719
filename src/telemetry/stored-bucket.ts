import type { Bucket } from "./metrics.ts";
import { Accumulator, type Point } from "./point.ts";
import type { Sketch } from "./sketch.ts";

/** What was read for a period. How its values lie is found out when it is asked for, which most never do. */
export class StoredBucket implements Bucket {
  readonly start: number;
  sum = 0;
  count = 0;
  min = Infinity;
  max = -Infinity;
  readonly #points: Point[] = [];

  constructor(start: number) {
    this.start = start;
  }

  add(point: Point): void {
    this.sum += point.sum;
    this.count += point.count;
    this.min = Math.min(this.min, point.min);
    this.max = Math.max(this.max, point.max);
    this.#points.push(point);
  }

  get sketch(): Sketch | undefined {
    if (this.#points.length === 1) return this.#points[0]!.sketch;
    const all = new Accumulator();
    for (const point of this.#points) all.merge(point);
    return all.sketch;
  }
}
