import { readFileSync } from "node:fs";

import { expect, test } from "vitest";

import { float32Text, float64Text } from "../../../src/model-server/codecs/number-text.ts";

const texts = JSON.parse(
  readFileSync(new URL("../vectors/number-texts.json", import.meta.url), "utf8"),
  (_, value) => value,
) as {
  float32: [number, string][];
  float64: [number, string][];
};

test("prints a float32 with the digits that NumPy finds shortest", () => {
  expect(texts.float32.length).toBeGreaterThan(400);
  for (const [value, text] of texts.float32)
    expect(Number(float32Text(Math.fround(value)))).toBe(Number(text));
});

test("lays a float32 out as Python lays out a float", () => {
  const values = [0.1, 1, -0, 1e-5, 1e-4, 0.00012, 123456789, 16777217, 1e16, 2 / 3];
  expect(values.map((value) => float32Text(Math.fround(value)))).toEqual([
    "0.1",
    "1.0",
    "-0.0",
    "1e-05",
    "1e-04",
    "0.00012",
    "123456790.0",
    "16777216.0",
    "1e+16",
    "0.6666667",
  ]);
});

test("prints float64 as Python does", () => {
  for (const [value, text] of texts.float64) expect(float64Text(value)).toBe(text);
});

test("prints what is not finite in Python's words", () => {
  expect([Number.NaN, Infinity, -Infinity].map(float32Text)).toEqual(["nan", "inf", "-inf"]);
});
