import { expect, test } from "vitest";
import { pickVariant, variantNamed } from "../../src/dataplane/variant-picker.ts";
import { SeededRandom } from "../support/seeded-random.ts";

test("10,000 seeded picks follow the weights", () => {
  const variants = [
    { name: "a", weight: 1 },
    { name: "none", weight: 0 },
    { name: "b", weight: 2 },
    { name: "c", weight: 7 },
  ];
  const random = new SeededRandom(7);
  const counts: Record<string, number> = { a: 0, none: 0, b: 0, c: 0 };
  for (let i = 0; i < 10_000; i++) counts[pickVariant(variants, random.number())!.name]!++;
  expect(counts["none"]).toBe(0);
  // four standard deviations
  expect(Math.abs(counts["a"]! - 1000)).toBeLessThan(120);
  expect(Math.abs(counts["b"]! - 2000)).toBeLessThan(160);
  expect(Math.abs(counts["c"]! - 7000)).toBeLessThan(184);
});

test("no traffic at weight 0, alone or all together", () => {
  expect(pickVariant([{ weight: 0 }], 0.5)).toBeUndefined();
  expect(pickVariant([{ weight: 0 }, { weight: 0 }], 0.5)).toBeUndefined();
  expect(pickVariant([], 0.5)).toBeUndefined();
});

test("rounding never falls off the end, nor onto a variant of weight 0", () => {
  const variants = [{ weight: 0.1 }, { weight: 0.2 }, { weight: 0.3 }, { weight: 0 }];
  expect(pickVariant(variants, 1 - Number.EPSILON / 2)).toBe(variants[2]);
  expect(pickVariant(variants, 0)).toBe(variants[0]);
});

test("by name, one of weight 0 too", () => {
  const variants = [
    { name: "a", weight: 1 },
    { name: "b", weight: 0 },
  ];
  expect(variantNamed(variants, "b")).toBe(variants[1]);
  expect(variantNamed(variants, "B")).toBeUndefined();
});
