import { expect, test } from "vitest";
import { Packer, Unpacker } from "../../src/telemetry/packing.ts";
import {
  Accumulator,
  packPoint,
  type Point,
  pointOf,
  statisticSet,
  unpackPoint,
} from "../../src/telemetry/point.ts";

function packed(point: Point): Unpacker {
  const packer = new Packer();
  packPoint(packer, point);
  return new Unpacker(packer.packed());
}

function spread(): Accumulator {
  const point = new Accumulator();
  for (const value of [-3, 0, 0.25, 7, 7]) point.add(value);
  return point;
}

const points: [string, Point][] = [
  ["one value", pointOf(-4.5)],
  ["equal values", pointOf(3, 1e12)],
  ["parts of a value", pointOf(3, 0.25)],
  ["different values", spread()],
  ["a statistic set", statisticSet(30, 3, 5, 15)],
];

test.each(points)("%s is unpacked as it was packed", (_, { sum, count, min, max, sketch }) => {
  const point = { sum, count, min, max };
  const unpacker = packed({ ...point, sketch });
  const whole = unpackPoint(unpacker);
  expect(whole).toMatchObject(point);
  expect(whole.sketch?.pack()).toEqual(sketch?.pack());
  expect(unpacker.done).toBe(true);
});

test("a statistic set tells how its values lie only if all are equal", () => {
  expect(statisticSet(30, 3, 5, 15).sketch).toBeUndefined();
  expect(statisticSet(30, 3, 10, 10).sketch!.count).toBe(3);
});

test("one point of which it is not known how its values lie makes the sum of points so", () => {
  const all = new Accumulator();
  all.add(1);
  all.merge(statisticSet(30, 3, 5, 15));
  all.add(7);
  expect(all).toMatchObject({ sum: 38, count: 5, min: 1, max: 15, sketch: undefined });
});
