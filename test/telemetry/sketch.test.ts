import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Sketch } from "../../src/telemetry/sketch.ts";

function sketchOf(values: readonly number[]): Sketch {
  const sketch = new Sketch();
  for (const value of values) sketch.add(value);
  return sketch;
}

function near(actual: number, exact: number): boolean {
  return Math.abs(actual - exact) <= 0.01 * Math.abs(exact);
}

/** What may be measured: of any sign, over ten orders of magnitude, often zero. */
const measured = fc.oneof(
  fc.constant(0),
  fc.integer({ min: -1000, max: 1000 }),
  fc.double({ min: 1e-3, max: 1e7, noNaN: true }),
  fc.double({ min: -1e7, max: -1e-3, noNaN: true }),
);
const values = fc.array(measured, { minLength: 1, maxLength: 300 });
const shares = fc.double({ min: 0, max: 1, noNaN: true });

test("a quantile is within 1 % of the value at its rank", () => {
  fc.assert(
    fc.property(values, shares, (all, share) => {
      const sorted = [...all].sort((a, b) => a - b);
      const rank = Math.max(1, Math.ceil(share * sorted.length - 1e-9 * sorted.length));
      expect(near(sketchOf(all).quantile(share), sorted[rank - 1]!)).toBe(true);
    }),
  );
});

test("what is between shares has their count, and a sum within 1 % of the amounts", () => {
  fc.assert(
    fc.property(values, shares, shares, (all, a, b) => {
      const [low, high] = [Math.min(a, b), Math.max(a, b)];
      const part = sketchOf(all).between(low, high);
      let sum = 0;
      let amount = 0;
      for (const [index, value] of [...all].sort((x, y) => x - y).entries()) {
        const inside = Math.min(index + 1, high * all.length) - Math.max(index, low * all.length);
        if (inside <= 0) continue;
        sum += inside * value;
        amount += inside * Math.abs(value);
      }
      expect(part.count).toBeCloseTo((high - low) * all.length, 6);
      expect(Math.abs(part.sum - sum)).toBeLessThanOrEqual(0.01 * amount + 1e-6);
    }),
  );
});

test("merged sketches say what one of all values says, and so do unpacked ones", () => {
  fc.assert(
    fc.property(values, values, (some, others) => {
      const merged = sketchOf(some);
      merged.merge(Sketch.unpack(sketchOf(others).pack()));
      expect(merged.pack()).toEqual(sketchOf([...some, ...others]).pack());
      expect(merged.count).toBe(some.length + others.length);
    }),
  );
});

describe("values over more magnitudes than a sketch has room for", () => {
  const all = Array.from({ length: 20_000 }, (_, index) => 10 ** (-100 + index / 100));

  test("make it coarser, and it stays small", () => {
    const sketch = sketchOf(all);
    for (const share of [0.1, 0.5, 0.99]) {
      const exact = all[Math.ceil(share * all.length) - 1]!;
      expect(Math.abs(sketch.quantile(share) / exact - 1)).toBeLessThan(0.16);
    }
    expect(sketch.pack().length).toBeLessThan(10_000);
  });

  test("may be merged with a fine one from either side", () => {
    const fine = [1, 2, 3];
    const left = sketchOf(all);
    left.merge(sketchOf(fine));
    const right = sketchOf(fine);
    right.merge(sketchOf(all));
    expect(left.pack()).toEqual(right.pack());
  });
});

test("values may count in fractions, and more than once", () => {
  const sketch = new Sketch();
  sketch.add(10, 0.5);
  sketch.add(20, 1.5);
  sketch.add(0, 2);
  const unpacked = Sketch.unpack(sketch.pack());
  expect(unpacked.count).toBe(4);
  expect(unpacked.within(5, 15).count).toBe(0.5);
  expect(near(unpacked.quantile(1), 20)).toBe(true);
  expect(unpacked.quantile(0.5)).toBe(0);
});

test("bytes that are no sketch are refused", () => {
  const packed = sketchOf([1, 2, 3]).pack();
  expect(() => Sketch.unpack(packed.subarray(0, packed.length - 1))).toThrow(RangeError);
  expect(() => Sketch.unpack(new Uint8Array())).toThrow(RangeError);
});

test("values that can't be told from a bound count as equal to it", () => {
  const sketch = sketchOf(Array.from({ length: 100 }, (_, index) => index + 1));
  expect(sketch.within(10, 20).count).toBe(10);
  expect(sketch.within(-Infinity, 20).count).toBe(20);
  expect(sketch.within(0, Infinity).count).toBe(100);
  expect(near(sketch.within(40, Infinity).sum, 4230)).toBe(true);
});
