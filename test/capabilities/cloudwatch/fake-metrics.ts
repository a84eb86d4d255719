/** Metrics that a test puts by hand: each datapoint is one period of a metric by its name. */
import type { Bucket, MetricReader } from "../../../src/telemetry/metrics.ts";
import { Accumulator, type Point, pointOf } from "../../../src/telemetry/point.ts";

export class FakeMetrics implements MetricReader {
  readonly #points = new Map<string, Map<number, Point>>();

  put(name: string, at: number, value: number): void {
    const points = this.#points.get(name) ?? new Map<number, Point>();
    this.#points.set(name, points.set(at, pointOf(value)));
  }

  query({ metric, from, to, period }: Parameters<MetricReader["query"]>[0]) {
    const buckets: Bucket[] = [];
    for (let start = from; start < to; start += period * 1000) {
      const sum = new Accumulator();
      for (const [at, point] of this.#points.get(metric.name) ?? [])
        if (at >= start && at < start + period * 1000) sum.merge(point);
      const { count, min, max, sketch } = sum;
      if (count) buckets.push({ start, sum: sum.sum, count, min, max, sketch });
    }
    return buckets.length ? [{ unit: "None", buckets }] : [];
  }

  list() {
    return [];
  }
}
